import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith } from './foreign-parts.ts';

const FOLDER = fileURLToPath(new URL('../../../shared/vectors/', import.meta.url));

/** A suite over published test data, which is stored beside the repository. */
export function describeVectors(name: string, subfolder: string, suite: (folder: string) => void): void {
  const folder = join(FOLDER, subfolder);
  describeWith('test vectors in ../shared/vectors', existsSync(folder), name, () => {
    suite(folder);
  });
}
