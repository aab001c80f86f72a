import { open } from 'node:fs/promises';

/** The name of a new, renamed or removed file is durable only once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
