import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { archiveOf, type MakeFault } from './sink-fault.ts';

/** What befalls the file that events are archived in. */
export const ARCHIVE_FAULTS: Readonly<Record<string, MakeFault>> = {
  rotated: () => ({
    kinds: ['file'],
    leastLag: 0,
    begin: (victims) => rename(archiveOf(victims), `${archiveOf(victims)}.1`),
  }),

  'disk full': ({ disk }) => ({
    kinds: ['file'],
    begin: async () => disk?.fill(30_000),
    end: async () => disk?.free(),
  }),

  'no permission': ({ disk }) => {
    let permit: (() => void) | undefined;
    return {
      kinds: ['file'],
      begin(victims) {
        const path = archiveOf(victims);
        appendFileSync(`${path}.1`, readFileSync(path));
        rmSync(path); // who has it open must open it again, and in one turn with what follows cannot
        permit = disk?.protect(dirname(path));
        return Promise.resolve();
      },
      end() {
        permit?.();
        return Promise.resolve();
      },
    };
  },
};
