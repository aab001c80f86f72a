import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { GuardedRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import type { RemoteKeysKind } from '@aduana/server-kit/secrets/remote-keys';
import type { Database } from '@aduana/server-kit/store/database';
import { longestSigning, type StsSettings } from './config.ts';
import { keepEndingKeys } from './keys/end-keys.ts';
import { type KeyCustody, openKeyCustody, unusableKeys } from './keys/key-custody.ts';
import { type KeyRing, openKeyRing } from './keys/key-ring.ts';
import { ensureKeySet } from './keys/key-rotation.ts';

export interface SigningKeysOptions {
  readonly settings: StsSettings;
  readonly platform: ServicePlatform;
  readonly openRemoteKeys: (kind: RemoteKeysKind) => Promise<GuardedRemoteKeys>;
}

/** The keys that sign tokens: where they are kept, and this replica's copy of the set. */
export interface SigningKeys {
  readonly custody: KeyCustody;
  readonly ring: KeyRing;
  stop(): Promise<void>;
}

const PROBE = Buffer.from('aduana asks whether this key can sign');

/**
 * Opens the signing keys, makes the first where there is none, and signs once.
 *
 * @throws ConfigurationError where nothing can be signed: a start bridges no outage
 */
export async function openSigningKeys(
  { settings, platform, openRemoteKeys }: SigningKeysOptions,
  database: Database,
  seals: RowSeals,
): Promise<SigningKeys> {
  const { SIGNING_KEYS: kind, SIGNING_ALGORITHM: algorithm } = settings;
  const { bus, secrets } = platform;
  const custody = await openKeyCustody({ kind, algorithm, secrets, openRemoteKeys });
  try {
    await ensureKeySet({ database, custody, seals, platform });
    const longestSigningMilliseconds = longestSigning(settings);
    const ring = await openKeyRing({ database, custody, seals, bus, platform, longestSigningMilliseconds });
    await ring.signer().sign(PROBE);
    const ending = keepEndingKeys({ database, custody, seals, bus, platform });
    const stop = async (): Promise<void> => {
      await Promise.all([ring.stop(), ending.stop()]);
      await custody.close();
    };
    return { custody, ring, stop };
  } catch (error) {
    await custody.close();
    throw unusableKeys(kind, error);
  }
}
