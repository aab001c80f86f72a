import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';

/** Which boots may have left events in a spool: kept beside them, so that whoever loses the one has lost the other. */
export interface SpoolBoots {
  /**
   * Notes, for good, that a boot uses the spool.
   *
   * @returns the boots before it since the spool was last left empty, oldest first
   */
  begin(bootId: string): Promise<readonly string[]>;
  /** The last boot has stopped, and nothing is left. */
  leaveEmpty(): Promise<void>;
}

const FILE = 'boots';
/** Boots that died before the log heard of them are few. */
const MOST_BOOTS = 64;

/** @param folder of the spool, which is there */
export function openSpoolBoots(folder: string): SpoolBoots {
  const file = join(folder, FILE);
  const read = async (): Promise<readonly string[]> => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    return text.split('\n').filter((line) => line !== '');
  };
  return {
    async begin(bootId) {
      const earlier = (await read()).slice(-MOST_BOOTS);
      await writeFileAtomically(file, [...earlier, bootId, ''].join('\n'), 0o600);
      return earlier;
    },
    async leaveEmpty() {
      await unlink(file).catch(() => undefined); // what is there still says only more than is needed
    },
  };
}
