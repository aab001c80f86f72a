import { connect, createServer } from 'node:net';
import { chmod, rm } from 'node:fs/promises';
import { once } from 'node:events';

/** `sun_path` of a socket's address; a longer path would be cut in silence. */
const MAX_PATH_BYTES = 100;

const OWNER_ALONE = 0o600;

/** A socket in a folder that exists as long as its process: the kernel refuses connections once that is dead. */
export interface LivenessSocket {
  close(): Promise<void>;
}

/** Listens under a path; undefined where the file system or the length of the path do not allow it. */
export async function openLivenessSocket(path: string): Promise<LivenessSocket | undefined> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return undefined;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    server.listen(path);
    await once(server, 'listening');
    await chmod(path, OWNER_ALONE);
  } catch {
    return undefined;
  }
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      await closed;
      await rm(path, { force: true });
    },
  };
}

/**
 * Whether a process of this kernel listens under a path, whatever its namespaces are.
 *
 * @returns undefined where that cannot be known
 */
export async function isSocketAlive(path: string): Promise<boolean | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED') return false;
    return code === 'EAGAIN' ? true : undefined; // its queue is full
  } finally {
    socket.destroy();
  }
}
