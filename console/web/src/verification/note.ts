import { areEqual, type Bytes, concat, fromBase64, sha256, toHex, utf8 } from './bytes.ts';

/** What a signed note says of a log (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Bytes;
}

export interface VerifierKey {
  readonly name: string;
  readonly id: Bytes;
  readonly key: Bytes;
}

/** `unsupported`: this browser has no Ed25519. */
export type SignatureVerdict = 'valid' | 'invalid' | 'unsigned' | 'unsupported';

const ED25519 = 0x01;

/** Reads `name+hash+base64(type || key)` (c2sp.org/signed-note); undefined for anything but a sound Ed25519 key. */
export async function parseVerifierKey(text: string): Promise<VerifierKey | undefined> {
  const [, name, hash, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text.trim()) ?? [];
  if (name === undefined || hash === undefined || encoded === undefined) return undefined;
  const typed = fromBase64(encoded);
  if (typed?.length !== 33 || typed[0] !== ED25519) return undefined;
  const id = (await sha256(concat(utf8(`${name}\n`), typed))).slice(0, 4);
  return toHex(id) === hash ? { name, id, key: typed.slice(1) } : undefined;
}

/** The tree that a note's text describes, whoever signed it; undefined for any other text. */
export function parseCheckpoint(note: string): Checkpoint | undefined {
  const [origin, size, encoded] = note.split('\n');
  if (origin === undefined || origin === '' || size === undefined || encoded === undefined) return undefined;
  if (!/^(0|[1-9]\d{0,14})$/.test(size) || !/^[A-Za-z0-9+/]{43}=$/.test(encoded)) return undefined;
  const root = fromBase64(encoded);
  return root === undefined ? undefined : { origin, size: Number(size), root };
}

/** Whether this key has signed the note. */
export async function verifyNote(note: string, key: VerifierKey): Promise<SignatureVerdict> {
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) return 'unsigned';
  const signed = utf8(note.slice(0, end + 1));
  const signatures = note
    .slice(end + 2, -1)
    .split('\n')
    .flatMap((line) => signatureOf(line, key) ?? []);
  if (signatures.length === 0) return 'unsigned';
  try {
    const imported = await crypto.subtle.importKey('raw', key.key, { name: 'Ed25519' }, false, ['verify']);
    for (const signature of signatures)
      if (await crypto.subtle.verify({ name: 'Ed25519' }, imported, signature, signed)) return 'valid';
    return 'invalid';
  } catch (error) {
    return error instanceof Error && error.name === 'NotSupportedError' ? 'unsupported' : 'invalid';
  }
}

/** Names of all who signed the note, us and witnesses. */
export function signersOf(note: string): readonly string[] {
  const end = note.lastIndexOf('\n\n');
  return end < 0
    ? []
    : note
        .slice(end + 2)
        .split('\n')
        .flatMap((line) => /^— (\S+) \S+$/.exec(line)?.[1] ?? []);
}

/** `— name base64(key id || signature)` */
function signatureOf(line: string, { name, id }: VerifierKey): Bytes | undefined {
  const [dash, signer, encoded, ...rest] = line.split(' ');
  if (dash !== '—' || signer !== name || encoded === undefined || rest.length > 0) return undefined;
  const bytes = fromBase64(encoded);
  return bytes?.length === 68 && areEqual(bytes.slice(0, 4), id) ? bytes.slice(4) : undefined;
}
