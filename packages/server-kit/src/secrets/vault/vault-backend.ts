import type { SecretBackend } from '../secret-backend.ts';
import { Secret } from '@aduana/core/secrets/secret';
import type { VaultClient } from './vault-client.ts';
import { createVaultKv } from './vault-kv.ts';
import { createTransitEnvelope } from './vault-transit.ts';

export interface VaultPlaces {
  readonly kvMount: string;
  /** The folder of the deployment within the mount. */
  readonly kvPath: string;
  readonly transitMount: string;
  /** An `aes256-gcm96` key. */
  readonly transitKey: string;
}

/** Secrets in KV version 2, every write with `cas`; wrapping by Transit. */
export function createVaultBackend(vault: VaultClient, places: VaultPlaces): SecretBackend {
  const kv = createVaultKv(vault, places.kvMount, places.kvPath);
  const transit = createTransitEnvelope(vault, places.transitMount, places.transitKey);
  return {
    kind: 'vault',
    async get(name) {
      const { value, version } = await kv.read(name);
      return value === undefined ? undefined : { value, version };
    },
    put: kv.write,
    wrap: (plaintext, context) => transit.seal(plaintext.revealBytes(), context),
    unwrap: async (wrapped, context) => Secret.of(await transit.open(wrapped, context)),
    check: transit.check,
    close: vault.close,
  };
}
