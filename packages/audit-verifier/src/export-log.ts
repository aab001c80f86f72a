import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogSource } from './log-source.ts';
import { Tampering } from './problems.ts';
import { TILE_WIDTH } from './tile-path.ts';

/** Writes `entries.jsonl`, `checkpoint` and `vkey` into a folder that is there, up to the signed size; of dropped entries their hashes; the last time stamp. @throws Tampering where more is dropped than is signed */
export async function exportLog(source: LogSource, folder: string): Promise<number> {
  // last of all, so that an export that was cut short is not taken for a log that was
  await rm(join(folder, 'checkpoint'), { force: true });
  await writeFile(join(folder, 'vkey'), source.vkey, { mode: 0o600 });
  const { readAhead: ahead = 1 } = source;
  const size = Number(source.checkpoint.split('\n')[1] ?? 0);
  const minimumIndex = Number(/^minimum index (\d+)$/m.exec(source.minimumIndex)?.[1] ?? 0);
  if (minimumIndex > size) throw new Tampering('the minimum index is beyond the signed tree');
  await rm(join(folder, 'minimum-index'), { force: true });
  await rm(join(folder, 'dropped-hashes'), { force: true });
  if (minimumIndex > 0) {
    await writeFile(join(folder, 'minimum-index'), source.minimumIndex, { mode: 0o600 });
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
  await writeFile(join(folder, 'checkpoint'), source.checkpoint, { mode: 0o600 });
  return entries;
}

async function writeTimestamped(
  { timestamped: { note, response } }: LogSource,
  folder: string,
): Promise<void> {
  const [stamped, stamp] = [join(folder, 'timestamped-checkpoint'), join(folder, 'timestamp.tsr')];
  await Promise.all([stamped, stamp].map((file) => rm(file, { force: true })));
  if (response.length === 0) return;
  await writeFile(stamped, note, { mode: 0o600 });
  await writeFile(stamp, response, { mode: 0o600 });
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
  const file = await open(path, 'w', 0o600);
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
