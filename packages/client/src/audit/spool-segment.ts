import { hmacSha256, constantTimeEqual } from '@aduana/core/platform/digest';
import { crc32c } from './crc32c.ts';

/** length (4) | CRC-32C of the bytes (4) | HMAC-SHA-256 over segment, offset and bytes (32) | bytes */
const LENGTH_AT = 0;
const CRC_AT = 4;
const HMAC_AT = 8;
export const RECORD_HEADER_BYTES = 40;

export interface SegmentScan {
  readonly records: readonly SegmentRecord[];
  /** Where the first record begins that is torn and has nothing intact behind it; the length where there is none. */
  readonly intactBytes: number;
  /** Records, at least, that are damaged or not ours. */
  readonly lost: number;
}

export interface SegmentRecord {
  readonly text: string;
  /** Where the next record begins. */
  readonly end: number;
}

export interface SegmentContent {
  readonly segment: string;
  /** Where in the segment `bytes` begin. */
  readonly from: number;
  readonly bytes: Buffer;
}

const NO_BYTES = Buffer.alloc(0);
/** Length and CRC-32C of an empty record. */
const MARK_BEGIN = Buffer.alloc(HMAC_AT);

/**
 * Texts that become durable together. An empty record before them says that everything in front of it was durable when
 * they were written: what is damaged there is lost, while what is damaged behind the last one is what a crash has torn.
 *
 * @param from where the group will begin: a record does not verify anywhere else
 */
export function encodeGroup(
  key: Uint8Array,
  segment: string,
  from: number,
  texts: readonly Buffer[],
): Buffer {
  let offset = from;
  return Buffer.concat(
    [NO_BYTES, ...texts].map((bytes) => {
      const record = encodeRecord(key, segment, offset, bytes);
      offset += record.length;
      return record;
    }),
  );
}

/** How many bytes a group of texts takes, of these many bytes together. */
export function groupBytes(count: number, textBytes: number): number {
  return textBytes + (count + 1) * RECORD_HEADER_BYTES;
}

export function encodeRecord(key: Uint8Array, segment: string, offset: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32BE(bytes.length, LENGTH_AT);
  header.writeUInt32BE(crc32c(bytes), CRC_AT);
  mac(key, segment, offset, bytes).copy(header, HMAC_AT);
  return Buffer.concat([header, bytes]);
}

/** Reads what is ours, passing over what is damaged or forged. */
export function scanSegment(key: Uint8Array, content: SegmentContent): SegmentScan {
  const records: SegmentRecord[] = [];
  let lost = 0;
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= content.bytes.length) {
    const found = readRecord(key, content, at);
    if (found === undefined) {
      const next = afterDamage(key, content, at);
      if (next === undefined) break;
      lost += 1;
      at = next;
      continue;
    }
    at += RECORD_HEADER_BYTES + found.bytes.length;
    if (!found.isOurs) lost += 1;
    else if (found.bytes.length > 0)
      records.push({ text: found.bytes.toString('utf8'), end: content.from + at });
  }
  return { records, intactBytes: content.from + at, lost };
}

/** The record that begins there; undefined where none does, or one that is torn or damaged. */
function readRecord(
  key: Uint8Array,
  { segment, from, bytes: content }: SegmentContent,
  at: number,
): { readonly bytes: Buffer; readonly isOurs: boolean } | undefined {
  if (at + RECORD_HEADER_BYTES > content.length) return undefined;
  const end = at + RECORD_HEADER_BYTES + content.readUInt32BE(at + LENGTH_AT);
  if (end > content.length) return undefined;
  const bytes = content.subarray(at + RECORD_HEADER_BYTES, end);
  if (content.readUInt32BE(at + CRC_AT) !== crc32c(bytes)) return undefined;
  const claimed = content.subarray(at + HMAC_AT, at + RECORD_HEADER_BYTES);
  const isOurs = constantTimeEqual(claimed, mac(key, segment, from + at, bytes));
  // zeroes are what a crash leaves of a file that had grown, and no record of anybody
  return isOurs || bytes.length > 0 ? { bytes, isOurs } : undefined;
}

/** Where to read on behind a damaged record; undefined where no group follows, so that it may be torn. */
function afterDamage(key: Uint8Array, content: SegmentContent, at: number): number | undefined {
  const group = nextGroup(key, content, at + 1);
  if (group === undefined) return undefined;
  const { bytes } = content;
  const following = at + RECORD_HEADER_BYTES + bytes.readUInt32BE(at + LENGTH_AT);
  return following < group && readRecord(key, content, following)?.isOurs === true ? following : group;
}

function nextGroup(key: Uint8Array, content: SegmentContent, from: number): number | undefined {
  const { bytes } = content;
  for (let at = bytes.indexOf(MARK_BEGIN, from); at >= 0; at = bytes.indexOf(MARK_BEGIN, at + 1))
    if (readRecord(key, content, at)?.isOurs === true) return at;
  return undefined;
}

function mac(key: Uint8Array, segment: string, offset: number, bytes: Uint8Array): Buffer {
  return hmacSha256(key, Buffer.concat([Buffer.from(`${segment}\n${String(offset)}\n`), bytes]));
}
