import { constants } from 'node:fs';
import { access, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { StarterFile } from './starter-files.ts';

export type Written = 'written' | 'there already' | 'kept';

const MODE = 0o644;

/**
 * Writes what is not there yet, and never over a file that is.
 *
 * @returns what became of each path: `kept` is a file that holds something else
 * @throws ConfigurationError when the folder cannot be written to, before anything is
 */
export async function writeFiles(
  folder: string,
  files: readonly StarterFile[],
  isDryRun: boolean,
): Promise<ReadonlyMap<string, Written>> {
  const outcome = new Map<string, Written>();
  const missing: StarterFile[] = [];
  for (const file of files) {
    const present = await readIfThere(join(folder, file.path));
    if (present === undefined) missing.push(file);
    else outcome.set(file.path, present === file.text ? 'there already' : 'kept');
  }
  if (missing.length > 0 && !isDryRun) await requireWritable(folder);
  for (const { path, text } of missing) {
    if (!isDryRun) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFileAtomically(join(folder, path), text, MODE);
    }
    outcome.set(path, 'written');
  }
  return outcome;
}

async function requireWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch {
    throw new ConfigurationError([
      {
        subject: folder,
        problem: 'cannot be written to',
        remedy: 'Run `aduana init` in a folder that you may write to',
      },
    ]);
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigurationError([
      { subject: file, problem: 'cannot be read', remedy: 'Let the user that runs `aduana init` read it' },
    ]);
  }
}
