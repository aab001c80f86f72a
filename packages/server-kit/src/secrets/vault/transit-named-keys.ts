import { createPublicKey } from 'node:crypto';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RemoteKeyAlgorithm } from '../remote-keys.ts';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';
import type { VaultAnswer } from './vault-transport.ts';

const KEY_TYPES = { ES256: 'ecdsa-p256', RS256: 'rsa-2048', EdDSA: 'ed25519' } as const;

/** A named signing key of Transit, which has one version after the other. */
export interface TransitNamedKey {
  readonly latest: number;
  /** Versions below it sign nothing (`min_encryption_version`). */
  readonly floor: number;
  /** DER of the SubjectPublicKeyInfo of the latest version. */
  publicKey(): Buffer;
}

/** Named signing keys by `<mount>/<name>`. */
export interface TransitNamedKeys {
  /** @throws ConfigurationError for a key of another type, or one whose private part may be taken out */
  find(path: string, algorithm: RemoteKeyAlgorithm): Promise<TransitNamedKey | undefined>;
  /** Makes it where there is none; throws as `find` does. */
  ensure(path: string, algorithm: RemoteKeyAlgorithm): Promise<TransitNamedKey>;
  /** Adds a version. */
  rotate(path: string): Promise<void>;
  /** Ends every version below `floor`; where none is left, a new one is made. */
  raiseFloor(path: string, floor: number): Promise<void>;
}

export function createTransitNamedKeys(vault: VaultClient): TransitNamedKeys {
  async function read(path: string): Promise<VaultAnswer | undefined> {
    const answer = await vault.call('GET', keyPath(path));
    return answer.status === 404 ? undefined : answer;
  }

  async function write(path: string, body?: Readonly<Record<string, unknown>>): Promise<void> {
    const answer = await vault.call('POST', path, body);
    if (answer.status >= 300) throw unexpectedAnswer(`writing ${path}`, answer);
  }

  async function find(path: string, algorithm: RemoteKeyAlgorithm): Promise<TransitNamedKey | undefined> {
    const answer = await read(path);
    return answer === undefined ? undefined : parseKey(answer, path, algorithm);
  }

  const rotate = (path: string): Promise<void> => write(`${keyPath(path)}/rotate`);
  return {
    find,
    rotate,
    async ensure(path, algorithm) {
      const known = await find(path, algorithm);
      if (known !== undefined) return known;
      const type = KEY_TYPES[algorithm];
      await write(keyPath(path), { type, exportable: false, allow_plaintext_backup: false });
      const made = await find(path, algorithm);
      if (made === undefined)
        throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'a new Transit key is not there' });
      return made;
    },
    async raiseFloor(path, floor) {
      const answer = await read(path);
      if (answer === undefined) return; // a key that was deleted signs nothing
      const { latest, min } = parseVersions(answer);
      if (latest < floor) await rotate(path);
      if (min < floor) await write(`${keyPath(path)}/config`, { min_encryption_version: floor });
    },
  };
}

/** `<mount>/keys/<name>` of `<mount>/<name>`. */
export function keyPath(path: string, operation = 'keys'): string {
  const at = path.lastIndexOf('/');
  return `${path.slice(0, at)}/${operation}/${encodeURIComponent(path.slice(at + 1))}`;
}

function parseVersions(answer: VaultAnswer): { readonly latest: number; readonly min: number } {
  const { latest_version: latest, min_encryption_version: min } = answer.body.data ?? {};
  if (typeof latest !== 'number') throw unexpectedAnswer('reading a Transit key', answer);
  return { latest, min: typeof min === 'number' ? min : 0 };
}

function parseKey(answer: VaultAnswer, path: string, algorithm: RemoteKeyAlgorithm): TransitNamedKey {
  const { latest, min: floor } = parseVersions(answer);
  const { type, exportable, allow_plaintext_backup: backup, keys } = answer.body.data ?? {};
  const wanted = KEY_TYPES[algorithm];
  const refuse = (problem: string): ConfigurationError =>
    new ConfigurationError([
      { subject: 'VAULT_TRANSIT_SIGNING_KEY', problem, remedy: 'Remove that key, or name another' },
    ]);
  if (type !== wanted) throw refuse(`${path} is of type ${String(type)}, and ${algorithm} needs ${wanted}`);
  if (exportable !== false || backup !== false)
    throw refuse(`${path} may be exported or backed up in plain text`);
  const shown = keys as Readonly<Record<string, { readonly public_key?: string } | undefined>> | undefined;
  return { latest, floor, publicKey: () => toSpki(shown?.[String(latest)]?.public_key, algorithm) };
}

/** Public keys come as PEM, those of Ed25519 as 32 bytes in base64. */
function toSpki(shown: string | undefined, algorithm: RemoteKeyAlgorithm): Buffer {
  if (shown === undefined)
    throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'Transit shows no public key' });
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(shown, 'base64').toString('base64url') };
  const key = algorithm === 'EdDSA' ? createPublicKey({ key: jwk, format: 'jwk' }) : createPublicKey(shown);
  return key.export({ type: 'spki', format: 'der' });
}
