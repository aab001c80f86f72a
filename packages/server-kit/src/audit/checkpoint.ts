import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { sha256 } from '@aduana/core/platform/digest';

/** The state of the log that a signature covers (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Who signs notes: a name and an Ed25519 key (c2sp.org/signed-note). */
export interface NoteSigner {
  readonly name: string;
  /** `name+hash+base64(type || public key)`. */
  readonly vkey: string;
  /** `— name base64(key id || signature)`, for one note's text. */
  signatureLine(text: string): string;
}

const ED25519 = 0x01;
/** RFC 8410 section 7: what precedes the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
/** RFC 8410 section 4: what precedes the 32 bytes of an Ed25519 public key in SPKI. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const SIGNATURE_BYTES = 64;
/** Characters. A log's note with the lines of many witnesses; each line that could be a signature hashes the whole text. */
export const LONGEST_NOTE = 65_536;

/**
 * @param nameOf the log's origin, without spaces and plus signs, which may depend on the public key
 * @param seed the 32 bytes of the private key
 */
export function createNoteSigner(
  nameOf: string | ((publicKey: Uint8Array) => string),
  seed: Uint8Array,
): NoteSigner {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicBytes = createPublicKey(privateKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(SPKI_PREFIX.length);
  const name = typeof nameOf === 'string' ? nameOf : nameOf(publicBytes);
  if (!/^[^\s+]+$/u.test(name))
    throw new TypeError('a note is signed under a name without spaces and plus signs');
  const typed = Buffer.concat([Buffer.from([ED25519]), publicBytes]);
  const id = keyId(name, typed);
  return {
    name,
    vkey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
    signatureLine: (text) =>
      `— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), privateKey)]).toString('base64')}`,
  };
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${String(size)}\n${root.toString('base64')}\n`;
}

/** A signed note over a checkpoint. */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[]): string {
  return signNote(checkpointText(checkpoint), signers);
}

/** A signed note (c2sp.org/signed-note); each signer adds its line. */
export function signNote(text: string, signers: readonly NoteSigner[]): string {
  return `${text}\n${signers.map((signer) => `${signer.signatureLine(text)}\n`).join('')}`;
}

/** The text of a note that one of `vkeys` has signed; undefined for anything else. */
export function openNote(note: string, vkeys: readonly string[]): string | undefined {
  if (note.length > LONGEST_NOTE) return undefined;
  const end = note.indexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, end + 1);
  const keys = vkeys.map(parseVkey);
  const lines = note.slice(end + 2, -1).split('\n');
  return lines.some((line) => keys.some((key) => isSignedBy(key, text, line))) ? text : undefined;
}

/** The checkpoint of a note that one of `vkeys` has signed; undefined for anything else. */
export function openCheckpoint(note: string, vkeys: readonly string[]): Checkpoint | undefined {
  const [origin, size, root, ...rest] = openNote(note, vkeys)?.split('\n') ?? [];
  if (origin === undefined || size === undefined || root === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || rest.length !== 1) return undefined;
  const rootBytes = Buffer.from(root, 'base64');
  if (rootBytes.length !== 32 || rootBytes.toString('base64') !== root) return undefined;
  return { origin, size: Number(size), root: rootBytes };
}

interface VerifierKey {
  readonly name: string;
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** @throws TypeError when the text is no Ed25519 verifier key, or its hash is another key's */
function parseVkey(vkey: string): VerifierKey {
  const [, name = '', hash = '', encoded = ''] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(vkey) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  if (typed[0] !== ED25519 || typed.length !== 33 || keyId(name, typed).toString('hex') !== hash)
    throw new TypeError('not an Ed25519 verifier key');
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]),
    format: 'der',
    type: 'spki',
  });
  return { name, id: Buffer.from(hash, 'hex'), key };
}

function isSignedBy({ name, id, key }: VerifierKey, text: string, line: string): boolean {
  if (!line.startsWith(`— ${name} `)) return false;
  const bytes = Buffer.from(line.slice(`— ${name} `.length), 'base64');
  return (
    bytes.length === id.length + SIGNATURE_BYTES &&
    bytes.subarray(0, id.length).equals(id) &&
    verify(null, Buffer.from(text), key, bytes.subarray(id.length))
  );
}

/** SHA-256(name || 0x0A || type || public key), its first four bytes. */
function keyId(name: string, typed: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, 4);
}
