import { type FileHandle, mkdir, open, readdir, readFile, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SecurityError } from '../errors/security-error.ts';
import type { Log } from '../platform/log.ts';
import { createMutex } from '../platform/mutex.ts';
import { encodeRecord, RECORD_HEADER_BYTES, scanSegment, type SegmentRecord } from './spool-segment.ts';

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

interface ScannedSegment {
  readonly name: string;
  readonly bytes: number;
  readonly records: readonly SegmentRecord[];
}

const SEGMENT_BYTES = 4_194_304;
const SEGMENT_NAME = /^\d{12}\.spool$/;

/** Opens the spool of a folder, cuts a torn tail and leaves everything else to be sent again. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const { segments, lost } = await recover(options);
  return new Spool(options, segments, lost);
}

/** A queue of texts on disk that survives the death of process and machine. */
export class Spool {
  /** Records found at opening that were damaged or forged, and are therefore lost. */
  readonly lostAtOpening: number;
  readonly #options: SpoolOptions;
  readonly #segments: Segment[];
  readonly #inTurn = createMutex();
  #bytes: number;
  #next: number;
  /** Open for the newest segment, unless that was found at opening or could not be written. */
  #tail: FileHandle | undefined;
  #head: ScannedSegment | undefined;
  #readOffset = 0;

  constructor(options: SpoolOptions, segments: Segment[], lostAtOpening: number) {
    this.#options = options;
    this.#segments = segments;
    this.lostAtOpening = lostAtOpening;
    this.#bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#next = Number(segments.at(-1)?.name.slice(0, 12) ?? 0) + 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Whether these texts fit that part of `maxBytes`, at three bytes for each UTF-16 unit. */
  hasRoom(texts: readonly string[], shareOfRoom: number): boolean {
    const incoming = texts.reduce((sum, { length }) => sum + 3 * length + RECORD_HEADER_BYTES, 0);
    return this.#bytes + incoming <= this.#options.maxBytes * shareOfRoom;
  }

  /**
   * Resolves once all of them are on the disk, or none is.
   *
   * @param shareOfRoom the part of `maxBytes` that these may fill up to, 1 for all of it
   * @throws SecurityError `AUDIT_UNAVAILABLE` when full, or when the disk refuses
   */
  append(texts: readonly string[], shareOfRoom: number): Promise<void> {
    return this.#inTurn(() => this.#append(texts, shareOfRoom));
  }

  /** The oldest texts, in order; at most `maxTexts` and about `maxCharacters`, at least one where there is one. */
  peek(maxTexts: number, maxCharacters: number): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const texts: string[] = [];
      let size = 0;
      for (const { text } of await this.#pending()) {
        if (texts.length >= maxTexts || (texts.length > 0 && size + text.length > maxCharacters)) break;
        texts.push(text);
        size += text.length;
      }
      return texts;
    });
  }

  /** Forgets the oldest `count`, which `peek` has shown. */
  drop(count: number): Promise<void> {
    return this.#inTurn(async () => {
      const dropped = (await this.#pending()).slice(0, count).at(-1);
      if (dropped !== undefined) this.#readOffset = dropped.end;
      await this.#pending();
    });
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#closeTail());
  }

  async #append(texts: readonly string[], shareOfRoom: number): Promise<void> {
    const contents = texts.map((text) => Buffer.from(text));
    const incoming = contents.reduce((sum, { length }) => sum + length + RECORD_HEADER_BYTES, 0);
    if (this.#bytes + incoming > this.#options.maxBytes * shareOfRoom)
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool is full' });
    try {
      const { segment, handle } = await this.#openTail(incoming);
      let offset = segment.bytes;
      const records = contents.map((content) => {
        const record = encodeRecord(this.#options.key, segment.name, offset, content);
        offset += record.length;
        return record;
      });
      await writeDurably(handle, Buffer.concat(records), segment.bytes);
      segment.bytes += incoming;
      this.#bytes += incoming;
    } catch (error) {
      await this.#abandonTail();
      this.#options.log.error('the audit spool cannot be written', { error });
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool cannot be written', cause: error });
    }
  }

  async #openTail(incoming: number): Promise<{ segment: Segment; handle: FileHandle }> {
    const last = this.#segments.at(-1);
    if (this.#tail !== undefined && last !== undefined && last.bytes + incoming <= SEGMENT_BYTES)
      return { segment: last, handle: this.#tail };
    await this.#closeTail();
    const segment = { name: `${String(this.#next).padStart(12, '0')}.spool`, bytes: 0 };
    const handle = await open(join(this.#options.folder, segment.name), 'wx', 0o600);
    this.#next += 1;
    this.#tail = handle;
    this.#segments.push(segment);
    await syncFolder(this.#options.folder);
    return { segment, handle };
  }

  async #closeTail(): Promise<void> {
    const handle = this.#tail;
    this.#tail = undefined;
    await handle?.close();
  }

  /** What may be half written is cut, and its segment never written to again. */
  async #abandonTail(): Promise<void> {
    await this.#closeTail().catch(() => undefined);
    const failed = this.#segments.at(-1);
    if (failed === undefined) return;
    await truncate(join(this.#options.folder, failed.name), failed.bytes).catch(() => undefined);
  }

  /** The records of the oldest segment that are not dropped yet; segments without any are given back. */
  async #pending(): Promise<readonly SegmentRecord[]> {
    for (;;) {
      const [first] = this.#segments;
      if (first === undefined) return [];
      const { records } = await this.#scan(first);
      const rest = records.filter(({ end }) => end > this.#readOffset);
      if (rest.length > 0) return rest;
      await this.#forget(first);
    }
  }

  async #scan({ name, bytes }: Segment): Promise<ScannedSegment> {
    if (this.#head?.name === name && this.#head.bytes === bytes) return this.#head;
    const { folder, key } = this.#options;
    const content = (await readFile(join(folder, name))).subarray(0, bytes);
    this.#head = { name, bytes, records: scanSegment(key, name, content).records };
    return this.#head;
  }

  async #forget(first: Segment): Promise<void> {
    this.#segments.shift();
    if (this.#segments.length === 0) await this.#closeTail();
    this.#bytes -= first.bytes;
    this.#head = undefined;
    this.#readOffset = 0;
    await unlink(join(this.#options.folder, first.name)).catch(() => undefined);
  }
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
