import { describe } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../shared/vectors/', import.meta.url));

/** A suite over published test data, which lies beside the repository; says so where it does not. */
export function describeVectors(name: string, subfolder: string, suite: (folder: string) => void): void {
  const folder = join(FOLDER, subfolder);
  if (existsSync(folder)) {
    describe(name, () => {
      suite(folder);
    });
    return;
  }
  process.stderr.write(`${folder} is absent: not run: ${name}\n`);
  describe.skip(name, () => undefined);
}
