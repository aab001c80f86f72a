import { access, readFile } from 'node:fs/promises';
import { UsageProblem } from './problems.ts';

/** Whether the export has a file of this name. */
export function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** @throws UsageProblem where a file that must be there is not */
export async function readable(file: string): Promise<string> {
  await access(file).catch(() => {
    throw new UsageProblem(`${file} cannot be read`);
  });
  return file;
}

/** @throws UsageProblem */
export async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => {
    throw new UsageProblem(`${file} cannot be read`);
  });
}
