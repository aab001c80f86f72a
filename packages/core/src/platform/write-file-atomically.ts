import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { uuid } from './ids.ts';
import { syncFolder } from './sync-folder.ts';

/** Replaces a file so that readers see the old content or the new one, and a crash keeps one of them. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  mode: number,
): Promise<void> {
  const draft = `${path}.${uuid()}`;
  try {
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}
