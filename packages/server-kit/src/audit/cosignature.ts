import { createPublicKey, verify } from 'node:crypto';
import { sha256 } from '@aduana/core/platform/digest';

/** A witness's word that it has seen a tree, and no other of its log before (c2sp.org/tlog-cosignature). */
export interface Cosignature {
  readonly witness: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

const COSIGNATURE_V1 = 0x04;
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ID_BYTES = 4;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/**
 * The cosignature on a line such as `— name base64`; undefined unless this witness has signed this text.
 *
 * @param text the signed part of the note
 * @param vkey the witness's, `name+hash+base64(0x04 || public key)`
 */
export function openCosignature(line: string, text: string, vkey: string): Cosignature | undefined {
  const [, name = '', hash = '', encoded = ''] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(vkey) ?? [];
  const typed = Buffer.from(encoded, 'base64');
  if (typed.length !== 33 || typed[0] !== COSIGNATURE_V1) return undefined;
  const id = sha256(Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, ID_BYTES);
  const prefix = `— ${name} `;
  if (id.toString('hex') !== hash || !line.startsWith(prefix)) return undefined;
  const bytes = Buffer.from(line.slice(prefix.length), 'base64');
  if (bytes.length !== ID_BYTES + TIME_BYTES + SIGNATURE_BYTES || !bytes.subarray(0, ID_BYTES).equals(id))
    return undefined;
  const timestamp = Number(bytes.readBigUInt64BE(ID_BYTES));
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]),
    format: 'der',
    type: 'spki',
  });
  const signed = Buffer.from(`cosignature/v1\ntime ${String(timestamp)}\n${text}`);
  return verify(null, signed, key, bytes.subarray(ID_BYTES + TIME_BYTES))
    ? { witness: name, timestamp }
    : undefined;
}
