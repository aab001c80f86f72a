import { join } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Log } from '@aduana/core/platform/log';
import { createMutex } from '@aduana/core/platform/mutex';
import { recoverSegments, segmentName, segmentNumber, type SpoolSegment } from './recover-segments.ts';
import { createSpoolDisk, type SpoolDisk, type SpoolFile } from './spool-disk.ts';
import { encodeGroup, groupBytes, scanSegment, type SegmentRecord } from './spool-segment.ts';

export interface SpoolOptions {
  readonly folder: string;
  /** Authenticates the records, so that who can only write to the folder cannot add to the log. */
  readonly key: Uint8Array;
  readonly maxBytes: number;
  readonly log: Log;
  /** Absent: this machine's. */
  readonly disk?: SpoolDisk;
  readonly segmentBytes?: number;
  /** A torn end counts as lost: it may as well be a damaged one. Absent: it is what a crash leaves of what was not durable. */
  readonly doubtsTorn?: boolean;
}

/** Where events wait while the log is away. */
export interface SpoolQueue extends Pick<
  Spool,
  'bytes' | 'maxBytes' | 'isEmpty' | 'takeLost' | 'hasRoom' | 'append' | 'peek' | 'drop' | 'close'
> {
  /** Set where there is none: nothing ever waits. */
  readonly isOff?: boolean;
  /** Set where an event lies on the disk of an audit replica too before it counts as durable. */
  readonly isReplicated?: boolean;
  /** Whether that replica did not take the last events. */
  readonly isRefusing?: boolean;
}

/** The oldest segment, as far as it is read. */
interface Head {
  readonly segment: SpoolSegment;
  readonly bytes: number;
  readonly records: readonly SegmentRecord[];
}

const SEGMENT_BYTES = 4_194_304;
const NOTHING = Buffer.alloc(0);

/** Opens the spool of a folder, cuts a torn tail and leaves everything else to be sent again. */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const disk = options.disk ?? createSpoolDisk();
  await disk.makeFolder(options.folder);
  const { segments, lost } = await recoverSegments({ ...options, disk });
  return new Spool({ ...options, disk }, segments, lost);
}

/** A queue of texts on disk that survives the death of process and machine. */
export class Spool {
  readonly #options: SpoolOptions & { readonly disk: SpoolDisk };
  readonly #segments: SpoolSegment[];
  readonly #inTurn = createMutex();
  #bytes: number;
  #next: number;
  /** Open for the newest segment, unless that was found at opening or could not be written. */
  #tail: SpoolFile | undefined;
  /** May hold the beginning of what could not be written: nothing is written anywhere before that is cut. */
  #torn: SpoolSegment | undefined;
  #head: Head | undefined;
  /** How many texts of the oldest segment are dropped. */
  #dropped = 0;
  #lost: number;

  constructor(options: SpoolOptions & { readonly disk: SpoolDisk }, segments: SpoolSegment[], lost: number) {
    this.#options = options;
    this.#segments = segments;
    this.#lost = lost;
    this.#bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#next = segmentNumber(segments.at(-1)) + 1;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  /** Texts, at least, that were found damaged or forged since the last call. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Whether these texts fit that part of `maxBytes`, at three bytes for each UTF-16 unit. */
  hasRoom(texts: readonly string[], shareOfRoom: number): boolean {
    const incoming = groupBytes(
      texts.length,
      texts.reduce((sum, { length }) => sum + 3 * length, 0),
    );
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
      this.#dropped += Math.min(count, (await this.#pending()).length);
      await this.#pending();
    });
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#closeTail());
  }

  async #append(texts: readonly string[], shareOfRoom: number): Promise<void> {
    const { key, maxBytes, log } = this.#options;
    const contents = texts.map((text) => Buffer.from(text));
    const incoming = groupBytes(
      texts.length,
      contents.reduce((sum, { length }) => sum + length, 0),
    );
    if (this.#bytes + incoming > maxBytes * shareOfRoom)
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool is full' });
    try {
      await this.#cutTorn();
      const { segment, file } = await this.#openTail(incoming);
      await file.write(encodeGroup(key, segment.name, segment.bytes, contents), segment.bytes);
      await file.sync();
      segment.bytes += incoming;
      segment.texts += texts.length;
      this.#bytes += incoming;
    } catch (error) {
      await this.#abandonTail();
      log.error('the audit spool cannot be written', { error });
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the spool cannot be written', cause: error });
    }
  }

  async #openTail(incoming: number): Promise<{ segment: SpoolSegment; file: SpoolFile }> {
    const { folder, disk, segmentBytes = SEGMENT_BYTES } = this.#options;
    const last = this.#segments.at(-1);
    if (this.#tail !== undefined && last !== undefined && last.bytes + incoming <= segmentBytes)
      return { segment: last, file: this.#tail };
    await this.#closeTail();
    const segment = { name: segmentName(this.#next), bytes: 0, texts: 0 };
    const file = await disk.create(join(folder, segment.name));
    this.#next += 1;
    this.#tail = file;
    this.#segments.push(segment);
    await disk.syncFolder(folder);
    return { segment, file };
  }

  async #closeTail(): Promise<void> {
    const file = this.#tail;
    this.#tail = undefined;
    await file?.close();
  }

  /** What may be half written is cut, now or before the next is written; that segment is never written to again. */
  async #abandonTail(): Promise<void> {
    await this.#closeTail().catch(() => undefined);
    this.#torn ??= this.#segments.at(-1);
    await this.#cutTorn().catch(() => undefined);
  }

  async #cutTorn(): Promise<void> {
    const torn = this.#torn;
    if (torn === undefined) return;
    const { folder, disk } = this.#options;
    await disk.cut(join(folder, torn.name), torn.bytes).catch(ignoreIfGone);
    this.#torn = undefined;
    if (torn.bytes > 0 || torn !== this.#segments.at(-1)) return;
    this.#segments.pop(); // a disk that is full for long must not fill up with empty files
    await disk.remove(join(folder, torn.name)).catch(() => undefined);
  }

  /** The records of the oldest segment that are not dropped yet; segments without any are given back. */
  async #pending(): Promise<readonly SegmentRecord[]> {
    for (;;) {
      const [first] = this.#segments;
      if (first === undefined) return [];
      const { records } = await this.#scan(first);
      if (records.length > this.#dropped) return records.slice(this.#dropped);
      await this.#forget(first, records.length);
    }
  }

  /** Reads what was added since the last time. */
  async #scan(segment: SpoolSegment): Promise<Head> {
    const { folder, key, disk } = this.#options;
    const known = this.#head?.segment === segment ? this.#head : { segment, bytes: 0, records: [] };
    const { name, bytes: to } = segment;
    if (known.bytes < to) {
      const bytes = (await disk.read(join(folder, name), known.bytes, to).catch(ignoreIfGone)) ?? NOTHING;
      const { records } = scanSegment(key, { segment: name, from: known.bytes, bytes });
      this.#head = { segment, bytes: to, records: [...known.records, ...records] };
    } else this.#head = known;
    return this.#head;
  }

  async #forget(first: SpoolSegment, found: number): Promise<void> {
    const { folder, disk, log } = this.#options;
    if (found < first.texts) {
      this.#lost += first.texts - found;
      log.error('the audit spool has lost records', { segment: first.name, count: first.texts - found });
    }
    this.#segments.shift();
    if (this.#segments.length === 0) await this.#closeTail();
    this.#bytes -= first.bytes;
    this.#head = undefined;
    this.#dropped = 0;
    await disk.remove(join(folder, first.name)).catch(() => undefined);
  }
}

/** Who removes the file of a running service takes its records: they count as lost, and the rest goes on. */
function ignoreIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
