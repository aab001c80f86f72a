import { sha256 } from '@aduana/core/platform/digest';
import type { RemoteKeyAlgorithm, RemoteKeys } from '../remote-keys.ts';
import { requireCapabilities } from './require-capabilities.ts';
import { createTransitNamedKeys, keyPath } from './transit-named-keys.ts';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';

export interface TransitPlaces {
  readonly mount: string;
  /** Each algorithm has a named key of its own: `<prefix>-es256`. */
  readonly prefix: string;
}

/** One version of a named key, as `<mount>/<name>:<version>`. */
interface TransitReference {
  readonly path: string;
  readonly version: number;
}

/** Signing keys in Vault Transit: each is one version of a named key that cannot be exported. */
export function createTransitKeys(vault: VaultClient, { mount, prefix }: TransitPlaces): RemoteKeys {
  const named = createTransitNamedKeys(vault);
  const pathOf = (algorithm: RemoteKeyAlgorithm): string => `${mount}/${prefix}-${algorithm.toLowerCase()}`;
  return {
    kind: 'vault_transit',
    async check(algorithm) {
      const path = pathOf(algorithm);
      await requireCapabilities(vault, [
        { path: keyPath(path), of: ['read', 'update'] },
        ...['rotate', 'config'].map((below) => ({ path: `${keyPath(path)}/${below}`, of: ['update'] })),
        { path: `${keyPath(path, 'sign')}${signRequest(algorithm, Buffer.of())[0]}`, of: ['update'] },
      ]);
      await named.find(path, algorithm);
    },
    async create(algorithm, known) {
      const path = pathOf(algorithm);
      const newest = Math.max(0, ...versionsAt(path, known));
      let key = await named.ensure(path, algorithm);
      if (key.latest !== newest + 1) {
        await named.rotate(path);
        key = await named.ensure(path, algorithm);
      }
      return { reference: `${path}:${String(key.latest)}`, publicKey: key.publicKey() };
    },
    async sign(algorithm, reference, input) {
      const { path, version } = parseReference(reference);
      const [hash, body] = signRequest(algorithm, input);
      const answer = await vault.call('POST', `${keyPath(path, 'sign')}${hash}`, {
        ...body,
        key_version: version,
        marshaling_algorithm: 'jws',
      });
      const signature = answer.body.data?.['signature'];
      const mark = `vault:v${String(version)}:`;
      if (typeof signature !== 'string' || !signature.startsWith(mark))
        throw unexpectedAnswer('signing', answer);
      return Buffer.from(signature.slice(mark.length), 'base64url');
    },
    async end(ended, living) {
      const done: string[] = [];
      for (const path of new Set(ended.map((reference) => parseReference(reference).path))) {
        const floor = Math.min(...versionsAt(path, living), Math.max(...versionsAt(path, ended)) + 1);
        await named.raiseFloor(path, floor);
        done.push(...ended.filter((reference) => versionsAt(path, [reference]).some((v) => v < floor)));
      }
      return done;
    },
    close: vault.close,
  };
}

/** The key hashes for itself where the algorithm is not one of digests (Ed25519, RFC 8032 section 5.1). */
function signRequest(
  algorithm: RemoteKeyAlgorithm,
  input: Uint8Array,
): [hash: string, body: Readonly<Record<string, unknown>>] {
  if (algorithm === 'EdDSA') return ['', { input: Buffer.from(input).toString('base64') }];
  const padding = algorithm === 'RS256' ? { signature_algorithm: 'pkcs1v15' } : {};
  return ['/sha2-256', { ...padding, prehashed: true, input: sha256(input).toString('base64') }];
}

function versionsAt(path: string, references: readonly string[]): readonly number[] {
  return references
    .map(parseReference)
    .filter((reference) => reference.path === path)
    .map(({ version }) => version);
}

function parseReference(reference: string): TransitReference {
  const at = reference.lastIndexOf(':');
  const version = Number(reference.slice(at + 1));
  if (at < 1 || !Number.isInteger(version)) throw new TypeError('no reference to a version of a key');
  return { path: reference.slice(0, at), version };
}
