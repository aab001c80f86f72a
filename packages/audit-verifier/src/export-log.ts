import { lstat, open, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { LogSource } from './log-source.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { TILE_WIDTH } from './tile-path.ts';

const ROOT = 0;
const WRITABLE_BY_OTHERS = 0o022;
const OWNER_ONLY = 0o600;
/** A file that is there is another one than ours: also where it is a symbolic link, which is not followed. */
const NEW_FILE = 'wx';

/**
 * Writes `entries.jsonl`, `checkpoint` and `vkey` into a folder that is there, up to the signed size; of dropped entries
 * their hashes; the last time stamp. Each is a new file, for its owner alone.
 *
 * @throws UsageProblem where others may change the folder; Tampering where more is dropped than is signed
 */
export async function exportLog(source: LogSource, folder: string): Promise<number> {
  await assertOwn(folder);
  // last of all, so that an export that was cut short is not taken for a log that was
  await rm(join(folder, 'checkpoint'), { force: true });
  await replace(join(folder, 'vkey'), source.vkey);
  const { readAhead: ahead = 1 } = source;
  const size = Number(source.checkpoint.split('\n')[1] ?? 0);
  const minimumIndex = Number(/^minimum index (\d+)$/m.exec(source.minimumIndex)?.[1] ?? 0);
  if (minimumIndex > size) throw new Tampering('the minimum index is beyond the signed tree');
  await rm(join(folder, 'minimum-index'), { force: true });
  await rm(join(folder, 'dropped-hashes'), { force: true });
  if (minimumIndex > 0) {
    await replace(join(folder, 'minimum-index'), source.minimumIndex);
    await write(join(folder, 'dropped-hashes'), {
      ...{ begin: 0, end: minimumIndex, ahead },
      read: source.hashes.bind(source),
    });
  }
  await writeTimestamped(source, folder);
  let entries = 0;
  const read = async (from: number, to: number): Promise<string> => {
    const texts = await source.entries(from, to);
    entries += texts.length;
    return texts.map((text) => `${text}\n`).join('');
  };
  await write(join(folder, 'entries.jsonl'), { begin: minimumIndex, end: size, ahead, read });
  await replace(join(folder, 'checkpoint'), source.checkpoint);
  return entries;
}

async function writeTimestamped(
  { timestamped: { note, response } }: LogSource,
  folder: string,
): Promise<void> {
  const [stamped, stamp] = [join(folder, 'timestamped-checkpoint'), join(folder, 'timestamp.tsr')];
  await Promise.all([stamped, stamp].map((file) => rm(file, { force: true })));
  if (response.length === 0) return;
  await replace(stamped, note);
  await replace(stamp, response);
}

/** Whoever may write to the folder can put a file or a link where the next one is to be, or change what was written. */
async function assertOwn(folder: string): Promise<void> {
  const own = process.geteuid?.();
  if (own === undefined) return; // this system knows no such owners
  const [found, link] = await Promise.all([stat(folder), lstat(resolve(folder))]);
  const choose = 'choose a folder that is not there yet, or one of your own';
  if (found.uid !== own || ![own, ROOT].includes(link.uid))
    throw new UsageProblem(`${folder} is the folder of another user: ${choose}`);
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0)
    throw new UsageProblem(`others may write to ${folder}: run chmod go-w on it, or ${choose}`);
}

async function replace(file: string, content: string | Buffer): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, content, { mode: OWNER_ONLY, flag: NEW_FILE });
}

interface Part {
  readonly begin: number;
  readonly end: number;
  /** How many bundles are asked for before the first of them is written. */
  readonly ahead: number;
  readonly read: (from: number, to: number) => Promise<string | Buffer>;
}

/** Writes a file bundle by bundle, reading some ahead. */
async function write(path: string, { begin, end, ahead, read }: Part): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, NEW_FILE, OWNER_ONLY);
  const reading: Promise<string | Buffer>[] = [];
  let from = begin;
  try {
    for (;;) {
      for (; from < end && reading.length <= ahead; from += TILE_WIDTH)
        reading.push(read(from, Math.min(from + TILE_WIDTH, end)));
      const content = await reading.shift();
      if (content === undefined) return;
      if (content.length > 0) await file.appendFile(content);
    }
  } finally {
    await Promise.allSettled(reading);
    await file.close();
  }
}
