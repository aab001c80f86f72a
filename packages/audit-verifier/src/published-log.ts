import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogSource } from './log-source.ts';
import { UsageProblem } from './problems.ts';
import { openCheckpoint, openMinimumIndex } from './signed-claims.ts';
import { TILE_WIDTH } from './tile-path.ts';
import { type ReadObject, TileTree } from './tile-tree.ts';

const READ_AHEAD = 16;
const LOOKS = 3;
const LOOK_AGAIN_MS = 1000;

/**
 * A log as it is published below an address (c2sp.org/tlog-tiles): every tile and every entry is held against the
 * checkpoint that is published with them. None is read before the signatures of that and of the minimum index are.
 *
 * @param trusted the verifier key, known from elsewhere; else the one that is published
 * @throws UsageProblem where no log is published, or the key is none; Tampering, also from what is read later
 */
export async function openPublishedLog(read: ReadObject, trusted?: string): Promise<LogSource> {
  const text = async (path: string): Promise<string> => (await read(path))?.toString('utf8') ?? '';
  // before the checkpoint, which then covers what these are of
  const minimumIndex = await text('minimum-index');
  const timestamped = await readTimestamped(read);
  const checkpoint = await text('checkpoint');
  if (checkpoint === '') throw new UsageProblem('no log is published there: there is no checkpoint');
  const vkey = await text('vkey');
  const claim = openCheckpoint(checkpoint, trusted ?? vkey);
  openMinimumIndex(minimumIndex, claim);
  const tree = new TileTree(read, claim.signed);
  await tree.verifyEdge();
  const entries = async (index: number): Promise<readonly Buffer[]> => {
    try {
      return await tree.entries(index);
    } catch (error) {
      if ((await text('minimum-index')) === minimumIndex) throw error;
      throw new UsageProblem('the log has dropped entries while they were read: verify it again');
    }
  };
  return {
    isRunning: true,
    vkey,
    checkpoint,
    minimumIndex,
    timestamped,
    readAhead: READ_AHEAD,
    hashes: (from) => tree.hashes(0, from / TILE_WIDTH),
    entries: async (from) => (await entries(from / TILE_WIDTH)).map((entry) => entry.toString('utf8')),
    close: () => Promise.resolve(),
  };
}

/** The two objects are put one after the other: the stamp is of the note once it holds its digest. */
async function readTimestamped(read: ReadObject): Promise<LogSource['timestamped']> {
  for (let look = 1; ; look += 1) {
    const response = (await read('checkpoint/timestamp')) ?? Buffer.alloc(0);
    const note = (await read('checkpoint/timestamped')) ?? Buffer.alloc(0);
    const belongs = response.length === 0 || response.includes(createHash('sha256').update(note).digest());
    if (belongs || look === LOOKS) return { note: note.toString('utf8'), response };
    await pause(LOOK_AGAIN_MS);
  }
}
