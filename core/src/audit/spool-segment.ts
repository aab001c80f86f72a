import { hmacSha256, constantTimeEqual } from '../platform/digest.ts';
import { crc32c } from './crc32c.ts';

/** length (4) | CRC-32C of the bytes (4) | HMAC-SHA-256 over segment, offset and bytes (32) | bytes */
const LENGTH_AT = 0;
const CRC_AT = 4;
const HMAC_AT = 8;
export const RECORD_HEADER_BYTES = 40;

export interface SegmentScan {
  readonly records: readonly SegmentRecord[];
  /** Where the first record that is cut or damaged begins; the length of the segment where there is none. */
  readonly intactBytes: number;
  /** Records whose bytes are whole but whose HMAC is not ours. */
  readonly forged: number;
}

export interface SegmentRecord {
  readonly text: string;
  /** Where the next record begins. */
  readonly end: number;
}

/** @param offset where the record will begin: a record does not verify anywhere else */
export function encodeRecord(key: Uint8Array, segment: string, offset: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32BE(bytes.length, LENGTH_AT);
  header.writeUInt32BE(crc32c(bytes), CRC_AT);
  mac(key, segment, offset, bytes).copy(header, HMAC_AT);
  return Buffer.concat([header, bytes]);
}

/** Reads a segment up to its first torn or damaged record; forged ones are passed over and counted. */
export function scanSegment(key: Uint8Array, segment: string, content: Buffer): SegmentScan {
  const records: SegmentRecord[] = [];
  let forged = 0;
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= content.length) {
    const length = content.readUInt32BE(at + LENGTH_AT);
    const end = at + RECORD_HEADER_BYTES + length;
    if (end > content.length) break;
    const bytes = content.subarray(at + RECORD_HEADER_BYTES, end);
    if (content.readUInt32BE(at + CRC_AT) !== crc32c(bytes)) break;
    const claimed = content.subarray(at + HMAC_AT, at + RECORD_HEADER_BYTES);
    if (constantTimeEqual(claimed, mac(key, segment, at, bytes)))
      records.push({ text: bytes.toString('utf8'), end });
    else forged += 1;
    at = end;
  }
  return { records, intactBytes: at, forged };
}

function mac(key: Uint8Array, segment: string, offset: number, bytes: Uint8Array): Buffer {
  return hmacSha256(key, Buffer.concat([Buffer.from(`${segment}\n${String(offset)}\n`), bytes]));
}
