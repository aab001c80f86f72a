import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Creates the embedded database of an installation where there is none. PGlite's first creation takes twice the memory of
 * the running one: a child process takes it and gives it back.
 */
export async function ensureEmbeddedStore(home: string): Promise<void> {
  const folder = join(home, 'data');
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  const child = fork(fileURLToPath(new URL('create-embedded-store.js', import.meta.url)), [folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the embedded database in ${folder} could not be created`);
}
