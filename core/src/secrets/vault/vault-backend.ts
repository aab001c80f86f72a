import { SecurityError } from '../../errors/security-error.ts';
import { contextBytes } from '../envelope.ts';
import type { SecretBackend } from '../secret-backend.ts';
import type { SecretVersion } from '../secret-provider.ts';
import { Secret } from '../secret.ts';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';
import type { VaultAnswer } from './vault-transport.ts';

export interface VaultPlaces {
  readonly kvMount: string;
  /** The folder of the house within the mount. */
  readonly kvPath: string;
  readonly transitMount: string;
  /** An `aes256-gcm96` key. */
  readonly transitKey: string;
}

interface StoredVersion {
  /** Zero: there has never been one. */
  readonly version: number;
  /** Undefined: deleted, or never there. */
  readonly value: Secret | undefined;
}

/** Secrets in KV version 2, every write with `cas`; wrapping by Transit with the context as associated data. */
export function createVaultBackend(vault: VaultClient, places: VaultPlaces): SecretBackend {
  const { kvMount, kvPath, transitMount, transitKey } = places;
  const dataPath = (name: string): string =>
    `${kvMount}/data/${[kvPath, ...name.split('/')].map(encodeURIComponent).join('/')}`;

  async function read(name: string): Promise<StoredVersion> {
    const answer = await vault.call('GET', dataPath(name));
    const { data, metadata } = (answer.body.data ?? {}) as {
      data?: Readonly<Record<string, unknown>> | null;
      metadata?: { readonly version?: unknown };
    };
    const version = Number(metadata?.version ?? 0);
    if (answer.status === 200 && data != null) return { version, value: decode(data) };
    const absent = answer.status === 404 && (version > 0 || (answer.body.errors ?? []).length === 0);
    if (!absent) throw unexpectedAnswer('reading a secret', answer); // no such mount is not an absent secret
    return { version, value: undefined };
  }

  async function write(name: string, value: Secret, cas: number): Promise<VaultAnswer> {
    return vault.call('POST', dataPath(name), { data: encode(value), options: { cas } });
  }

  async function transit(operation: 'encrypt' | 'decrypt', body: Record<string, unknown>) {
    return vault.call('POST', `${transitMount}/${operation}/${encodeURIComponent(transitKey)}`, body);
  }

  return {
    kind: 'vault',
    async get(name) {
      const { value, version } = await read(name);
      return value === undefined ? undefined : ({ value, version } satisfies SecretVersion);
    },
    async put(name, value, expectedVersion) {
      let answer = await write(name, value, expectedVersion);
      if (isLostRace(answer) && expectedVersion === 0) {
        const stored = await read(name); // versions go on counting after a deletion
        if (stored.value === undefined) answer = await write(name, value, stored.version);
      }
      if (isLostRace(answer)) throw new SecurityError('CONFLICT', { detail: 'another writer was first' });
      const version = answer.body.data?.['version'];
      if (answer.status !== 200 || typeof version !== 'number')
        throw unexpectedAnswer('writing a secret', answer);
      return version;
    },
    async wrap(plaintext, context) {
      const answer = await transit('encrypt', {
        plaintext: plaintext.revealBytes().toString('base64'),
        associated_data: contextBytes(context).toString('base64'),
      });
      const ciphertext = answer.body.data?.['ciphertext'];
      if (typeof ciphertext !== 'string') throw unexpectedAnswer('wrapping', answer);
      return ciphertext;
    },
    async unwrap(wrapped, context) {
      const answer = await transit('decrypt', {
        ciphertext: wrapped,
        associated_data: contextBytes(context).toString('base64'),
      });
      if (answer.status === 400)
        throw new SecurityError('FORBIDDEN', {
          detail: 'the wrapped text was changed, or has another context',
        });
      const plaintext = answer.body.data?.['plaintext'];
      if (typeof plaintext !== 'string') throw unexpectedAnswer('unwrapping', answer);
      return Secret.of(Buffer.from(plaintext, 'base64'));
    },
    async check() {
      const answer = await vault.call('GET', 'auth/token/lookup-self');
      if (answer.status !== 200) throw unexpectedAnswer('looking the token up', answer);
    },
    close: () => vault.close(),
  };
}

function isLostRace({ status, body }: VaultAnswer): boolean {
  return status === 400 && (body.errors ?? []).some((error) => error.includes('check-and-set'));
}

/** Text stays legible for whoever keeps the secrets; other bytes travel in base64url. */
function encode(value: Secret): Record<string, string> {
  const text = value.reveal();
  const bytes = value.revealBytes();
  return Buffer.from(text).equals(bytes) ? { value: text } : { base64url: bytes.toString('base64url') };
}

function decode(data: Readonly<Record<string, unknown>>): Secret {
  const { value, base64url } = data;
  if (typeof value === 'string') return Secret.of(value);
  if (typeof base64url === 'string') return Secret.of(Buffer.from(base64url, 'base64url'));
  throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
    detail: 'a secret in Vault has neither `value` nor `base64url`',
  });
}
