import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from '@jest/globals';

/** With `TEST_PROBE=off`, nothing is looked for at its standard port or in its standard folder. */
export const isProbing = process.env['TEST_PROBE'] !== 'off';

/** Where commands of these names are in `PATH`, in its order. */
export function commandsOf(...names: readonly string[]): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).filter(isExecutable);
}

/**
 * A suite that needs a part which a clone does not hold. Where it is missing, one skipped test names it, and the last
 * lines of the run count what was skipped for want of what.
 */
export function describeWith(part: string, isPresent: boolean, name: string, suite: () => void): void {
  describe(name, isPresent ? suite : () => { test.skip(`needs ${part}`, () => undefined); }); // prettier-ignore
}

/** `describeWith` for what `openssl` makes or verifies. */
export function describeWithOpenssl(name: string, suite: () => void): void {
  describeWith('openssl', commandsOf('openssl').length > 0, name, suite);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
