import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { type GuardedRemoteKeys, guardRemoteKeys } from './guard-remote-keys.ts';
import type { RemoteKeysKind } from './remote-keys.ts';
import { openVault, variable } from './vault/open-vault.ts';
import { createTransitKeys } from './vault/transit-keys.ts';

export interface RemoteKeysOptions {
  /** Where `VAULT_*` is looked up; the AWS SDK looks for its own variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws ConfigurationError with everything that is missing or wrong */
export async function openRemoteKeys(
  kind: RemoteKeysKind,
  options: RemoteKeysOptions,
): Promise<GuardedRemoteKeys> {
  const { environment } = options;
  switch (kind) {
    case 'vault_transit':
      return guardRemoteKeys(
        createTransitKeys(await openVault(options), {
          mount: variable(environment, 'VAULT_TRANSIT_MOUNT') ?? 'transit',
          prefix: variable(environment, 'VAULT_TRANSIT_SIGNING_KEY') ?? 'aduana-signing',
        }),
        options,
      );
    case 'aws_kms': {
      // the AWS SDK is loaded only where it is wanted
      const [{ createKmsClient }, { createKmsKeys }] = await Promise.all([
        import('./kms/kms-client.ts'),
        import('./kms/kms-keys.ts'),
      ]);
      return guardRemoteKeys(createKmsKeys(createKmsClient()), options);
    }
  }
}
