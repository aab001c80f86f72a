import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { signDigest, toDer, verifies } from './sign-digest.ts';

type Body = Record<string, unknown>;

interface Answer {
  readonly status: number;
  readonly body?: Body;
}

interface NamedKey {
  readonly type: string;
  /** A symmetric key, or the private key of a pair. */
  readonly versions: (Buffer | KeyObject)[];
  exportable: boolean;
  allowPlaintextBackup: boolean;
  minEncryption: number;
}

const SIGNING_TYPES: Readonly<Record<string, () => KeyObject>> = {
  'ecdsa-p256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'rsa-2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
};

const ok = (data: Body): Answer => ({ status: 200, body: { data } });
const done: Answer = { status: 204 };
const fail = (status: number, ...errors: string[]): Answer => ({ status, body: { errors } });

/** The part of Vault's Transit engine that the deployment uses; unknown calls are undefined. */
export function createTransitDouble(): (method: string, path: string, body: Body) => Answer | undefined {
  const keys = new Map<string, NamedKey>([['aduana', newKey({})]]);

  const routes: readonly [string, RegExp, (name: string, body: Body, hash: string) => Answer][] = [
    ['POST', /^keys\/([^/]+)$/, (name, body) => {
      if (!keys.has(name)) keys.set(name, newKey(body));
      return done;
    }],
    ['POST', /^keys\/([^/]+)\/rotate$/, (name) => withKey(name, (key) => {
      key.versions.push(newVersion(key.type));
      return done;
    })],
    ['POST', /^keys\/([^/]+)\/config$/, (name, body) => withKey(name, (key) => configure(key, body))],
    ['GET', /^keys\/([^/]+)$/, (name) => {
      const key = keys.get(name);
      return key === undefined ? fail(404) : ok(showKey(name, key));
    }],
    ['POST', /^sign\/([^/]+)(?:\/([^/]+))?$/, (name, body, hash) => withKey(name, (key) => signWith(key, body, hash))],
    ['POST', /^verify\/([^/]+)(?:\/([^/]+))?$/, (name, body) => withKey(name, (key) => verifyWith(key, body))],
    ['POST', /^encrypt\/([^/]+)$/, (name, body) => withKey(name, (key) => encrypt(key, body))],
    ['POST', /^decrypt\/([^/]+)$/, (name, body) => withKey(name, (key) => decrypt(key, body))],
  ]; // prettier-ignore

  function withKey(name: string, use: (key: NamedKey) => Answer): Answer {
    const key = keys.get(name);
    return key === undefined ? fail(400, 'encryption key not found') : use(key);
  }

  return (method, path, body) => {
    for (const [of, pattern, handle] of routes) {
      const [match, name = '', hash = 'sha2-256'] = (of === method && pattern.exec(path)) || [];
      if (match !== undefined) return handle(name, body, hash);
    }
    return undefined;
  };
}

function newKey({ type = 'aes256-gcm96', exportable, allow_plaintext_backup: backup }: Body): NamedKey {
  return {
    type: String(type),
    versions: [newVersion(String(type))],
    exportable: exportable === true,
    allowPlaintextBackup: backup === true,
    minEncryption: 0,
  };
}

function newVersion(type: string): Buffer | KeyObject {
  return SIGNING_TYPES[type]?.() ?? randomBytes(32);
}

function configure(key: NamedKey, { min_encryption_version: minimum, exportable }: Body): Answer {
  if (typeof minimum === 'number' && minimum > key.versions.length)
    return fail(400, `cannot set min encryption version of ${String(minimum)}, latest key version is ${String(key.versions.length)}`);
  if (typeof minimum === 'number') key.minEncryption = minimum;
  if (exportable === true) key.exportable = true; // and never back
  return done;
} // prettier-ignore

function showKey(name: string, key: NamedKey): Body {
  const shown = key.versions.map((version, index): [string, unknown] => [
    String(index + 1),
    Buffer.isBuffer(version) ? 0 : { name: key.type, public_key: showPublic(version), creation_time: '' },
  ]);
  return {
    name,
    type: key.type,
    keys: Object.fromEntries(shown),
    latest_version: key.versions.length,
    min_available_version: 0,
    min_decryption_version: 1,
    min_encryption_version: key.minEncryption,
    exportable: key.exportable,
    allow_plaintext_backup: key.allowPlaintextBackup,
    supports_signing: key.type in SIGNING_TYPES,
  };
}

/** PEM; of Ed25519 the 32 bytes in base64. */
function showPublic(key: KeyObject): string {
  const jwk = key.export({ format: 'jwk' });
  if (jwk.kty === 'OKP') return Buffer.from(jwk.x ?? '', 'base64url').toString('base64');
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

function signWith(key: NamedKey, body: Body, hash: string): Answer {
  const latest = key.versions.length;
  const version = Number(body['key_version'] ?? 0) || latest;
  const private_ = key.versions[version - 1];
  // Vault answers these two with 500: it does not translate these errors of its key policy.
  if (private_ === undefined) return fail(500, 'requested version for signing is higher than the latest key version');
  if (version < key.minEncryption)
    return fail(500, 'requested version for signing is less than the minimum encryption key version');
  if (Buffer.isBuffer(private_)) return fail(400, `key type ${key.type} does not support signing`);
  if (hash !== 'sha2-256') return fail(400, `invalid hash algorithm "${hash}"`);
  if (key.type === 'rsa-2048' && body['signature_algorithm'] !== 'pkcs1v15')
    return fail(400, 'the double signs pkcs1v15 alone; Vault would sign pss');
  const encoding = body['marshaling_algorithm'] === 'jws' ? 'base64url' : 'base64';
  const signature = makeSignature(private_, bytesOf(body['input']), body['prehashed'] === true);
  const marshaled = key.type === 'ecdsa-p256' && encoding === 'base64' ? toDer(signature) : signature;
  return ok({ signature: `vault:v${String(version)}:${marshaled.toString(encoding)}`, key_version: version });
} // prettier-ignore

function makeSignature(key: KeyObject, input: Buffer, prehashed: boolean): Buffer {
  if (key.asymmetricKeyType === 'ed25519') return sign(null, input, key);
  return signDigest(key, prehashed ? input : createHash('sha256').update(input).digest());
}

/** Of messages, signed with `marshaling_algorithm=jws`. */
function verifyWith(key: NamedKey, body: Body): Answer {
  const [, version, text = ''] = /^vault:v(\d+):(.+)$/.exec(String(body['signature'])) ?? [];
  const private_ = key.versions[Number(version) - 1];
  if (private_ === undefined || Buffer.isBuffer(private_)) return fail(400, 'invalid signature: no prefix');
  return ok({ valid: verifies(private_, bytesOf(body['input']), Buffer.from(text, 'base64url')) });
}

function encrypt(key: NamedKey, body: Body): Answer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.versions.at(-1) as Buffer, nonce);
  cipher.setAAD(bytesOf(body['associated_data']));
  const sealed = [nonce, cipher.update(bytesOf(body['plaintext'])), cipher.final(), cipher.getAuthTag()];
  const version = key.versions.length;
  const ciphertext = `vault:v${String(version)}:${Buffer.concat(sealed).toString('base64')}`;
  return ok({ ciphertext, key_version: version });
}

function decrypt(key: NamedKey, body: Body): Answer {
  const [, version, text = ''] = /^vault:v(\d+):(.+)$/.exec(String(body['ciphertext'])) ?? [];
  const secret = key.versions[Number(version) - 1];
  if (secret === undefined) return fail(400, 'invalid ciphertext: no prefix');
  const sealed = Buffer.from(text, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, 12));
    decipher.setAAD(bytesOf(body['associated_data']));
    decipher.setAuthTag(sealed.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
    return ok({ plaintext: plaintext.toString('base64') });
  } catch {
    return fail(400, 'cipher: message authentication failed');
  }
}

function bytesOf(base64: unknown): Buffer {
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
}
