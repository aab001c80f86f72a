import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';

/** What a signed note says of a log (c2sp.org/tlog-checkpoint). */
export interface SignedTree {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

export interface VerifierKey {
  readonly name: string;
  readonly id: Buffer;
  readonly key: KeyObject;
  /** Type and key, of which the id is made. */
  readonly typed: Buffer;
}

const ED25519 = 0x01;
/** Some hundred cosignatures; each line with the key's id costs a verification of the whole text. */
const MAX_NOTE_CHARACTERS = 65_536;
/** RFC 8410 section 4: what precedes the 32 bytes of an Ed25519 public key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Reads `name+hash+base64(type || key)` (c2sp.org/signed-note); undefined for anything but a sound Ed25519 key. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text.trim()) ?? [];
  if (name === undefined || hash === undefined || encoded === undefined) return undefined;
  const typed = Buffer.from(encoded, 'base64');
  if (typed.length !== 33 || typed[0] !== ED25519) return undefined;
  const id = keyId(name, typed);
  if (id.toString('hex') !== hash) return undefined;
  const der = Buffer.concat([SPKI_PREFIX, typed.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }), typed };
}

/** The same key under another name: a log that was recovered signs with it under the name of its new epoch. */
export function withName(key: VerifierKey, name: string): VerifierKey {
  return { ...key, name, id: keyId(name, key.typed) };
}

function keyId(name: string, typed: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, 4);
}

/** The text of a note that this key has signed; undefined when it has not. */
export function openNote(note: string, key: VerifierKey): string | undefined {
  const end = note.lastIndexOf('\n\n');
  if (note.length > MAX_NOTE_CHARACTERS || end < 0 || !note.endsWith('\n')) return undefined;
  const text = note.slice(0, end + 1);
  const isSigned = note
    .slice(end + 2, -1)
    .split('\n')
    .some((line) => isSignedBy(key, text, line));
  return isSigned ? text : undefined;
}

/** The text of a note without a signature of this key, whoever else signed it; undefined for any other note. */
export function textOfOthers(note: string, { name, id }: VerifierKey): string | undefined {
  const end = note.lastIndexOf('\n\n');
  const lines = note
    .slice(end + 2)
    .split('\n')
    .map(parseLine);
  const isOurs = lines.some((line) => line?.signer === name && line.bytes.subarray(0, 4).equals(id));
  return end < 0 || isOurs ? undefined : note.slice(0, end + 1);
}

/** The tree that a checkpoint's text describes; undefined for any other text. */
export function parseCheckpoint(text: string): SignedTree | undefined {
  const [origin, size, encoded] = text.split('\n');
  if (origin === undefined || origin === '' || size === undefined || encoded === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,14})$/.test(size) || !/^[A-Za-z0-9+/]{43}=$/.test(encoded)) return undefined;
  return { origin, size: Number(size), root: Buffer.from(encoded, 'base64') };
}

/** The minimum index that a note's text states of the log `origin` (c2sp.org/tlog-tiles, Pruning); undefined for any other text. */
export function parseMinimumIndex(text: string, origin: string): number | undefined {
  const [name, statement, ...rest] = text.split('\n');
  const [, index] = /^minimum index ([1-9]\d{0,14})$/.exec(statement ?? '') ?? [];
  return name === origin && index !== undefined && rest.join('') === '' ? Number(index) : undefined;
}

function isSignedBy({ name, id, key }: VerifierKey, text: string, line: string): boolean {
  const { signer, bytes } = parseLine(line) ?? {};
  if (signer !== name || bytes?.subarray(0, 4).equals(id) !== true) return false;
  return bytes.length === 68 && verify(null, Buffer.from(text), key, bytes.subarray(4));
}

/** `— name base64(key id || signature)` */
function parseLine(line: string): { readonly signer: string; readonly bytes: Buffer } | undefined {
  const [dash, signer, encoded, ...rest] = line.split(' ');
  if (dash !== '—' || signer === undefined || encoded === undefined || rest.length > 0) return undefined;
  return { signer, bytes: Buffer.from(encoded, 'base64') };
}
