import { afterAll, beforeAll } from '@jest/globals';
import type { Clock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type GuardedRemoteKeys, guardRemoteKeys } from '@aduana/server-kit/secrets/guard-remote-keys';
import { createKmsClient } from '@aduana/server-kit/secrets/kms/kms-client';
import { createKmsKeys } from '@aduana/server-kit/secrets/kms/kms-keys';
import { openRemoteKeys } from '@aduana/server-kit/secrets/open-remote-keys';
import type { RemoteKeysKind } from '@aduana/server-kit/secrets/remote-keys';
import { type KmsDouble, startKmsDouble } from './kms-double.ts';
import { describeOneStore, describeStores, type OpenStore } from './stores.ts';
import { startVaultDouble, type VaultDouble } from './vault-double.ts';

const log = createLog('silent', () => undefined);

/** Where the signing keys of an STS lie: what `openTestSts` takes. */
export interface SigningKeysWorld {
  readonly openStore: OpenStore;
  readonly remoteKeys?: {
    readonly kind: RemoteKeysKind;
    readonly open: (clock: Clock) => Promise<GuardedRemoteKeys>;
  };
}

/** Runs a suite for keys in the store, over every store that answers, and for keys elsewhere, over one. */
export function describeSigningKeys(
  name: string,
  suite: (world: SigningKeysWorld) => void,
  kinds: readonly ('store' | RemoteKeysKind)[] = ['store', 'vault_transit'],
): void {
  for (const kind of kinds) {
    if (kind === 'store')
      describeStores(name, (openStore) => { suite({ openStore }); }); // prettier-ignore
    else
      describeOneStore(`${name} with keys in ${kind}`, (openStore) => {
        const open = kind === 'aws_kms' ? prepareKms() : prepareVault();
        suite({ openStore, remoteKeys: { kind, open } });
      });
  }
}

function prepareVault(): (clock: Clock) => Promise<GuardedRemoteKeys> {
  let vault: VaultDouble;
  beforeAll(async () => {
    vault = await startVaultDouble();
  });
  afterAll(() => vault.close());
  return (clock) => openTransitKeys(vault, clock);
}

/** Signing keys in a double of Vault, as an STS opens them. */
export function openTransitKeys(vault: VaultDouble, clock: Clock): Promise<GuardedRemoteKeys> {
  const { address, roleId, secretId } = vault;
  const environment = { VAULT_ADDR: address, VAULT_ROLE_ID: roleId, VAULT_SECRET_ID: secretId };
  return openRemoteKeys('vault_transit', { environment, clock, log });
}

function prepareKms(): (clock: Clock) => Promise<GuardedRemoteKeys> {
  let kms: KmsDouble;
  beforeAll(async () => {
    kms = await startKmsDouble();
  });
  afterAll(() => kms.close());
  return (clock) => {
    pointAwsTo(kms.address);
    return Promise.resolve(guardRemoteKeys(createKmsKeys(createKmsClient()), { clock, log }));
  };
}

/** The AWS SDK reads the environment itself. */
export function pointAwsTo(address: string): void {
  process.env['AWS_REGION'] = 'eu-south-2';
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  process.env['AWS_ENDPOINT_URL_KMS'] = address;
}
