import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@aduana/core/platform/sync-folder';

/** What the spool asks of a file system: everything that may fail, and everything that a power cut may take back. */
export interface SpoolDisk {
  /** Makes a folder that lasts, and those above it. */
  makeFolder(folder: string): Promise<void>;
  list(folder: string): Promise<readonly string[]>;
  /** From one position to another, or to the end where that comes first. */
  read(path: string, from: number, to: number): Promise<Buffer>;
  /** @throws Error when there is such a file; its name lasts once its folder is synced */
  create(path: string): Promise<SpoolFile>;
  /** Resolves once the file ends there for good. */
  cut(path: string, bytes: number): Promise<void>;
  remove(path: string): Promise<void>;
  syncFolder(folder: string): Promise<void>;
}

export interface SpoolFile {
  /** Writes all of it; nothing of it lasts before `sync`. */
  write(content: Buffer, position: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The disk of this machine. */
export function createSpoolDisk(): SpoolDisk {
  return {
    makeFolder,
    list: (folder) => readdir(folder),
    read,
    create: async (path) => toSpoolFile(await open(path, 'wx', 0o600)),
    cut,
    remove: (path) => unlink(path),
    syncFolder,
  };
}

async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function read(path: string, from: number, to: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const size = Math.min(to, (await handle.stat()).size);
    const content = Buffer.alloc(Math.max(0, size - from));
    let filled = 0;
    while (filled < content.length) {
      const { bytesRead } = await handle.read(content, filled, content.length - filled, from + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return content.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

async function cut(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

function toSpoolFile(handle: FileHandle): SpoolFile {
  return {
    async write(content, position) {
      for (let written = 0; written < content.length;) {
        const { bytesWritten } = await handle.write(
          content,
          written,
          content.length - written,
          position + written,
        );
        written += bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
