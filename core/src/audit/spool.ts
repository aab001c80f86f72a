import { type FileHandle, mkdir, open, readdir, readFile, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SecurityError } from '../errors/security-error.ts';
import type { Log } from '../platform/log.ts';
import { createMutex } from '../platform/mutex.ts';
import { encodeRecord, RECORD_HEADER_BYTES, scanSegment, type SegmentRecord } from './spool-segment.ts';

/** A queue of texts on disk that survives the death of process and machine. */
export interface Spool {
  /**
   * Resolves once all of them are on the disk, or none is.
   *
   * @param shareOfRoom the part of `maxBytes` that these may fill up to, 1 for all of it
   * @throws SecurityError `AUDIT_UNAVAILABLE` when full, or when the disk refuses
   */
  append(texts: readonly string[], shareOfRoom: number): Promise<void>;
  /** Whether about this many bytes of text still fit that part of `maxBytes`. */
  hasRoom(texts: readonly string[], shareOfRoom: number): boolean;
  /** The oldest texts, in order; at most `maxTexts` and about `maxBytes`, at least one where there is one. */
  peek(maxTexts: number, maxBytes: number): Promise<readonly string[]>;
  /** Forgets the oldest `count`, which `peek` has shown. */
  drop(count: number): Promise<void>;
  readonly bytes: number;
  readonly isEmpty: boolean;
  /** Records found at opening that were damaged or forged, and are therefore lost. */
  readonly lostAtOpening: number;
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly folder: string;
  /** Authenticates the records, so that who can only write to the folder cannot add to the log. */
  readonly key: Uint8Array;
  readonly maxBytes: number;
  readonly log: Log;
}

interface Segment {
  readonly name: string;
  bytes: number;
}

const SEGMENT_BYTES = 4_194_304;
const SEGMENT_NAME = /^\d{12}\.spool$/;

/** Opens the spool of a folder, cuts a torn tail and leaves everything else to be sent again. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { folder, key, maxBytes, log } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { segments, lost } = await recover(options);
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  let next = segments.reduce((highest, { name }) => Math.max(highest, Number(name.slice(0, 12))), 0) + 1;
  let tail: FileHandle | undefined;
  let head:
    { readonly name: string; readonly bytes: number; readonly records: readonly SegmentRecord[] } | undefined;
  let readOffset = 0;
  const inTurn = createMutex();

  async function openTail(incoming: number): Promise<{ segment: Segment; handle: FileHandle }> {
    const last = segments.at(-1);
    if (tail !== undefined && last !== undefined && last.bytes + incoming <= SEGMENT_BYTES)
      return { segment: last, handle: tail };
    await tail?.close();
    tail = undefined;
    const segment = { name: `${String(next).padStart(12, '0')}.spool`, bytes: 0 };
    const handle = await open(join(folder, segment.name), 'wx', 0o600);
    next += 1;
    tail = handle;
    segments.push(segment);
    await syncFolder(folder);
    return { segment, handle };
  }

  async function append(texts: readonly string[], shareOfRoom: number): Promise<void> {
    const contents = texts.map((text) => Buffer.from(text));
    const incoming = contents.reduce((sum, { length }) => sum + length + RECORD_HEADER_BYTES, 0);
    if (bytes + incoming > maxBytes * shareOfRoom)
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool is full' });
    try {
      const { segment, handle } = await openTail(incoming);
      let offset = segment.bytes;
      const records = contents.map((content) => {
        const record = encodeRecord(key, segment.name, offset, content);
        offset += record.length;
        return record;
      });
      await writeDurably(handle, Buffer.concat(records), segment.bytes);
      segment.bytes += incoming;
      bytes += incoming;
    } catch (error) {
      // what may be half written lies behind a segment that is never appended to again
      const failed = segments.at(-1);
      await tail?.close().catch(() => undefined);
      tail = undefined;
      if (failed !== undefined)
        await truncate(join(folder, failed.name), failed.bytes).catch(() => undefined);
      log.error('the audit spool cannot be written', { error });
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool cannot be written', cause: error });
    }
  }

  /** The records of the oldest segment that are not dropped yet; segments without any are given back. */
  async function pending(): Promise<readonly SegmentRecord[]> {
    for (;;) {
      const [first] = segments;
      if (first === undefined) return [];
      if (head?.name !== first.name || head.bytes !== first.bytes) {
        const content = (await readFile(join(folder, first.name))).subarray(0, first.bytes);
        head = {
          name: first.name,
          bytes: first.bytes,
          records: scanSegment(key, first.name, content).records,
        };
      }
      const rest = head.records.filter(({ end }) => end > readOffset);
      if (rest.length > 0) return rest;
      await forgetFirst();
    }
  }

  async function forgetFirst(): Promise<void> {
    const first = segments.shift();
    if (first === undefined) return;
    if (segments.length === 0) {
      const closing = tail;
      tail = undefined;
      await closing?.close();
    }
    bytes -= first.bytes;
    head = undefined;
    readOffset = 0;
    await unlink(join(folder, first.name)).catch(() => undefined);
  }

  async function peek(maxTexts: number, maxBytesOfTexts: number): Promise<readonly string[]> {
    const texts: string[] = [];
    let size = 0;
    for (const { text } of await pending()) {
      if (texts.length >= maxTexts || (texts.length > 0 && size + text.length > maxBytesOfTexts)) break;
      texts.push(text);
      size += text.length;
    }
    return texts;
  }

  async function drop(count: number): Promise<void> {
    const dropped = (await pending()).slice(0, count).at(-1);
    if (dropped !== undefined) readOffset = dropped.end;
    await pending();
  }

  return {
    hasRoom: (texts, shareOfRoom) =>
      bytes + texts.reduce((sum, { length }) => sum + 3 * length + RECORD_HEADER_BYTES, 0) <=
      maxBytes * shareOfRoom, // three bytes a unit at most
    append: (texts, shareOfRoom) => inTurn(() => append(texts, shareOfRoom)),
    peek: (maxTexts, maxBytesOfTexts) => inTurn(() => peek(maxTexts, maxBytesOfTexts)),
    drop: (count) => inTurn(() => drop(count)),
    get bytes() {
      return bytes;
    },
    get isEmpty() {
      return segments.length === 0;
    },
    lostAtOpening: lost,
    close: () => inTurn(async () => tail?.close()),
  };
}

async function recover({ folder, key, log }: SpoolOptions): Promise<{ segments: Segment[]; lost: number }> {
  const names = (await readdir(folder)).filter((name) => SEGMENT_NAME.test(name)).sort();
  const segments: Segment[] = [];
  let lost = 0;
  for (const name of names) {
    const path = join(folder, name);
    const content = await readFile(path);
    const { records, intactBytes, forged } = scanSegment(key, name, content);
    lost += forged;
    if (forged > 0)
      log.error('the audit spool holds records that are not ours', { segment: name, count: forged });
    if (intactBytes < content.length) {
      // a crash tears the newest segment alone; anywhere else, something damaged the disk
      if (name !== names.at(-1)) lost += 1;
      log.warn('the audit spool was cut at a torn record', {
        segment: name,
        bytes: content.length - intactBytes,
      });
      await truncate(path, intactBytes);
    }
    if (records.length === 0) await unlink(path);
    else segments.push({ name, bytes: intactBytes });
  }
  return { segments, lost };
}

async function writeDurably(handle: FileHandle, content: Buffer, position: number): Promise<void> {
  for (let written = 0; written < content.length;) {
    const { bytesWritten } = await handle.write(
      content,
      written,
      content.length - written,
      position + written,
    );
    written += bytesWritten;
  }
  await handle.datasync();
}

/** A new file's name is durable only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
