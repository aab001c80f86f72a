import { createNoteSigner, type NoteSigner } from '@aduana/server-kit/audit/checkpoint';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';
import { Secret } from '@aduana/core/secrets/secret';
import { ensureSecret } from '@aduana/server-kit/secrets/ensure-secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';

/** Seeds of 32 bytes, newest first: while there are two, checkpoints bear both signatures. */
export const CHECKPOINT_KEY = 'audit/checkpoint-key';
const SEED_BYTES = 32;

/** Who signs: the newest key first. */
export type CheckpointSigners = readonly [NoteSigner, ...NoteSigner[]];

/** The log's signers; the first replica to start makes the key. */
export async function loadCheckpointSigners(
  secrets: SecretProvider,
  origin: string,
): Promise<CheckpointSigners> {
  return signersOf(await ensureSecret(secrets, CHECKPOINT_KEY), origin);
}

/** Calls back with the signers after each rotation; returns what ends that. */
export function watchCheckpointSigners(
  secrets: SecretProvider,
  origin: string,
  onChange: (signers: CheckpointSigners) => void,
): () => void {
  return secrets.watch(CHECKPOINT_KEY, ({ value }) => {
    onChange(signersOf(value, origin));
  });
}

/**
 * Adds a new key before the present one, which goes on signing beside it until `finishCheckpointRotation`.
 *
 * @throws SecurityError `ROTATION_IN_GRACE` while an earlier rotation is not finished, `NOT_READY` before the first key
 */
export async function rotateCheckpointKey(secrets: SecretProvider): Promise<void> {
  const { seeds, version } = await readSeeds(secrets);
  if (seeds.length > SEED_BYTES) throw new SecurityError('ROTATION_IN_GRACE');
  await secrets.put(CHECKPOINT_KEY, Secret.of(Buffer.concat([random(SEED_BYTES), seeds])), version);
}

/** Takes the old key away: verifiers must know the new one by now. */
export async function finishCheckpointRotation(secrets: SecretProvider): Promise<void> {
  const { seeds, version } = await readSeeds(secrets);
  if (seeds.length > SEED_BYTES)
    await secrets.put(CHECKPOINT_KEY, Secret.of(seeds.subarray(0, SEED_BYTES)), version);
}

async function readSeeds(secrets: SecretProvider): Promise<{ seeds: Buffer; version: number }> {
  const stored = await secrets.get(CHECKPOINT_KEY);
  if (stored === undefined) throw new SecurityError('NOT_READY', { detail: 'the log has no key yet' });
  return { seeds: stored.value.revealBytes(), version: stored.version };
}

/** @param origin the log's name; `sigsum` names it after its key, as Sigsum's witnesses ask for */
function signersOf(secret: Secret, origin: string): CheckpointSigners {
  const name =
    origin === 'sigsum' ? (publicKey: Uint8Array) => `sigsum.org/v1/tree/${sha256Hex(publicKey)}` : origin;
  const seeds = secret.revealBytes();
  const signerAt = (at: number): NoteSigner => createNoteSigner(name, seeds.subarray(at, at + SEED_BYTES));
  return seeds.length > SEED_BYTES ? [signerAt(0), signerAt(SEED_BYTES)] : [signerAt(0)];
}
