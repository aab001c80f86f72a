import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createSpoolDisk, type SpoolDisk, type SpoolFile } from '@aduana/client/audit/spool-disk';
import { constantTimeEqual, hmacSha256 } from '@aduana/core/platform/digest';
import { createMutex } from '@aduana/core/platform/mutex';

/** The authenticated list of the segments that are held of a peer, and of how long each is. */
export interface HeldInventory {
  /** The disk of the spool: whatever changes there is entered before it counts as durable. */
  readonly disk: SpoolDisk;
  /** How many losses, at least, the log has not been told of: of this start, and of earlier ones. */
  readonly untold: number;
  /** Remembers across a restart how many losses the log has not been told of. */
  keepUntold(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface HeldInventoryOptions {
  readonly folder: string;
  /** The peer's own. */
  readonly key: Uint8Array;
}

interface Listed {
  /** Counts what was written: each goes to the other file than the one before, so that one of them is always whole. */
  readonly turn: number;
  readonly untold: number;
  /** Bytes by the names of segments. */
  readonly segments: Readonly<Record<string, number>>;
}

const FILES = ['inventory.0', 'inventory.1'] as const;
const SEGMENT = /^\d{12}\.spool$/;

/**
 * Compares what lies in a peer's folder with what its inventory says: a segment that is gone, or cut where a group ends,
 * shows no damage of its own. A crash may leave a doubt, which counts as a loss.
 */
export async function openHeldInventory({ folder, key }: HeldInventoryOptions): Promise<HeldInventory> {
  const disk = createSpoolDisk();
  await disk.makeFolder(folder);
  const handles = await Promise.all(
    FILES.map((name) => open(join(folder, name), constants.O_RDWR | constants.O_CREAT, 0o600)),
  );
  await disk.syncFolder(folder);
  const lists = await Promise.all(handles.map(async (handle) => parse(key, await handle.readFile('utf8'))));
  const segments = await sizesIn(folder);
  const inTurn = createMutex();
  let untold = countLosses(lists, segments);
  let turn = Math.max(...lists.map((list) => (list === 'none' || list === 'damaged' ? 0 : list.turn)));

  const save = (): Promise<void> =>
    inTurn(async () => {
      turn += 1;
      const content = serialise(key, { turn, untold, segments: Object.fromEntries(segments) });
      await write(handles[turn % FILES.length], content);
    });
  await save();
  await save();
  return {
    disk: listing(disk, segments, save),
    untold,
    async keepUntold(count) {
      untold = count;
      await save();
    },
    close: () =>
      inTurn(async () => {
        await Promise.all(handles.map((handle) => handle.close()));
      }),
  };
}

/** The disk, with each change of a segment entered. */
function listing(disk: SpoolDisk, segments: Map<string, number>, save: () => Promise<void>): SpoolDisk {
  return {
    ...disk,
    async create(path) {
      return listed(await disk.create(path), (bytes) => {
        segments.set(basename(path), bytes);
        return save();
      });
    },
    async cut(path, bytes) {
      await disk.cut(path, bytes);
      segments.set(basename(path), bytes);
      await save();
    },
    async remove(path) {
      segments.delete(basename(path));
      await save().catch(() => undefined); // a full disk must be able to give back what it holds
      await disk.remove(path);
    },
  };
}

function listed(file: SpoolFile, enter: (bytes: number) => Promise<void>): SpoolFile {
  let bytes = 0;
  return {
    async write(content, position) {
      await file.write(content, position);
      bytes = position + content.length;
    },
    async sync() {
      const outcomes = await Promise.allSettled([file.sync(), enter(bytes)]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    close: () => file.close(),
  };
}

type Read = Listed | 'none' | 'damaged';

function countLosses(lists: readonly Read[], segments: ReadonlyMap<string, number>): number {
  const whole = lists.filter((list) => list !== 'none' && list !== 'damaged');
  const newest = whole.toSorted((a, b) => b.turn - a.turn)[0];
  // a folder that is new, or of a release without inventories that held nothing
  if (lists.every((list) => list === 'none') && segments.size === 0) return 0;
  if (newest === undefined) return 1;
  const lost = Object.entries(newest.segments).filter(([name, bytes]) => (segments.get(name) ?? -1) < bytes);
  const isDoubtful = whole.length < lists.length || whole.some(({ turn }) => newest.turn - turn > 1);
  return newest.untold + lost.length + (isDoubtful && lost.length === 0 ? 1 : 0);
}

async function sizesIn(folder: string): Promise<Map<string, number>> {
  const names = (await readdir(folder)).filter((name) => SEGMENT.test(name));
  const sizes = names.map(async (name) => [name, (await stat(join(folder, name))).size] as const);
  return new Map(await Promise.all(sizes));
}

/** `hexadecimal HMAC-SHA-256 | JSON | line feed`; what an earlier, longer one has left follows. */
function serialise(key: Uint8Array, list: Listed): Buffer {
  const text = JSON.stringify(list);
  return Buffer.from(`${mac(key, text)}${text}\n`);
}

function parse(key: Uint8Array, content: string): Read {
  if (content === '') return 'none';
  const text = content.slice(64, Math.max(64, content.indexOf('\n')));
  return constantTimeEqual(content.slice(0, 64), mac(key, text)) ? (JSON.parse(text) as Listed) : 'damaged';
}

function mac(key: Uint8Array, text: string): string {
  return hmacSha256(key, `inventory\n${text}`).toString('hex');
}

async function write(handle: FileHandle | undefined, content: Buffer): Promise<void> {
  if (handle === undefined) return;
  for (let at = 0; at < content.length;)
    at += (await handle.write(content, at, content.length - at, at)).bytesWritten;
  await handle.datasync();
}
