import { afterEach, beforeEach } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { readUnverifiedKeySet } from '../../subgraphs/sts/keys/key-store.ts';
import type { PrivatePart } from '../../subgraphs/sts/keys/private-part.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { openTransitKeys } from './signing-keys.ts';
import type { OpenStore, TestStore } from './stores.ts';
import { createStsReplicas, type StsReplicas } from './sts-replicas.ts';
import { startVaultDouble, type VaultDouble } from './vault-double.ts';

/** Replicas of an STS whose signing keys are in a Vault, new for each test. */
export interface VaultSigningWorld {
  readonly vault: VaultDouble;
  readonly store: TestStore;
  readonly bus: ReturnType<typeof createInProcessBus>;
  readonly open: StsReplicas['open'];
  /** A request to the Vault with its root token: POST where there is a body. */
  asRoot(path: string, body?: object): Promise<Response>;
  /** By key id: where the store says that the private part is. */
  parts(): Promise<ReadonlyMap<string | undefined, PrivatePart>>;
}

/** To be called once, outside the tests. */
export function openVaultSigning(openStore: OpenStore): VaultSigningWorld {
  const opened = {} as { vault: VaultDouble; store: TestStore };
  const bus = createInProcessBus();
  let replicas: StsReplicas;
  beforeEach(async () => {
    opened.vault = await startVaultDouble();
    opened.store = await openStore('sts', MIGRATIONS);
    replicas = createStsReplicas(() => ({
      openStore,
      store: opened.store,
      bus,
      clients: ['bff'],
      remoteKeys: { kind: 'vault_transit', open: (at) => openTransitKeys(opened.vault, at) },
    }));
  });
  afterEach(async () => {
    opened.vault.unseal();
    await replicas.close();
    await opened.vault.close();
  });
  const open: StsReplicas['open'] = (more) => replicas.open(more);
  return Object.assign(opened, {
    bus,
    open,
    asRoot: (path: string, body?: object): Promise<Response> =>
      fetch(`${opened.vault.address}/v1/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'x-vault-token': opened.vault.rootToken },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    parts: async (): Promise<ReadonlyMap<string | undefined, PrivatePart>> =>
      (await readUnverifiedKeySet(opened.store.writer))?.parts ?? new Map<string, PrivatePart>(),
  });
}
