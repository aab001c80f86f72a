import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';

/** Which tree the log signs: the first until entries that it had signed were lost and two people said so. */
export const EPOCH = 'audit/epoch';

/** What began an epoch: kept by the secret provider, since whoever writes to the database must not begin one. */
export interface Recovery {
  /** Counts from 2. */
  readonly epoch: number;
  readonly reason: string;
  /** The two who asked for it. */
  readonly approvers: readonly [string, string];
  /** The last note of the epoch before, whose entries are not all there. */
  readonly lost_note: string;
  /** The newest note of it whose entries are all there, `''` for none. */
  readonly kept_note: string;
  readonly kept_size: number;
}

/** The recovery that began the present epoch; undefined in the first. */
export async function readRecovery(
  secrets: SecretProvider,
  options: { readonly fresh?: boolean } = {},
): Promise<Recovery | undefined> {
  const stored = await secrets.get(EPOCH, options);
  return stored === undefined ? undefined : (JSON.parse(stored.value.reveal()) as Recovery);
}

/** @throws SecurityError `CONFLICT` where another replica was first */
export async function beginEpoch(secrets: SecretProvider, recovery: Recovery): Promise<void> {
  const stored = await secrets.get(EPOCH, { fresh: true });
  const present = await readRecovery(secrets, { fresh: true });
  if ((present?.epoch ?? 1) + 1 !== recovery.epoch) throw new SecurityError('CONFLICT');
  await secrets.put(EPOCH, Secret.of(JSON.stringify(recovery)), stored?.version ?? 0);
}

/** A witness refuses a smaller tree under a known origin: each epoch has one of its own. */
export function originOf(origin: string, epoch: number): string {
  return epoch === 1 ? origin : `${origin}/epoch/${String(epoch)}`;
}
