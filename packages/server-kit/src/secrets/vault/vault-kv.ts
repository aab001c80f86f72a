import { SecurityError } from '@aduana/core/errors/security-error';
import { Secret } from '@aduana/core/secrets/secret';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';
import type { VaultAnswer } from './vault-transport.ts';

export interface KvVersion {
  /** Zero: there has never been one. */
  readonly version: number;
  /** Undefined: deleted, or never there. */
  readonly value: Secret | undefined;
}

/** One folder of a KV version 2 mount. */
export interface VaultKv {
  read(name: string): Promise<KvVersion>;
  /**
   * @returns the new version
   * @throws SecurityError `CONFLICT` when the stored version is another than `expectedVersion`
   */
  write(name: string, value: Secret, expectedVersion: number): Promise<number>;
}

export function createVaultKv(vault: VaultClient, mount: string, folder: string): VaultKv {
  const pathOf = (name: string): string =>
    `${mount}/data/${[folder, ...name.split('/')].map(encodeURIComponent).join('/')}`;

  async function read(name: string): Promise<KvVersion> {
    const answer = await vault.call('GET', pathOf(name));
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

  function send(name: string, value: Secret, cas: number): Promise<VaultAnswer> {
    return vault.call('POST', pathOf(name), { data: encode(value), options: { cas } });
  }

  return {
    read,
    async write(name, value, expectedVersion) {
      let answer = await send(name, value, expectedVersion);
      if (isLostRace(answer) && expectedVersion === 0) {
        const stored = await read(name); // versions go on counting after a deletion
        if (stored.value === undefined) answer = await send(name, value, stored.version);
      }
      if (isLostRace(answer)) throw new SecurityError('CONFLICT', { detail: 'another writer was first' });
      const version = answer.body.data?.['version'];
      if (answer.status !== 200 || typeof version !== 'number')
        throw unexpectedAnswer('writing a secret', answer);
      return version;
    },
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
