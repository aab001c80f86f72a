import { readFileSync } from 'node:fs';

/** Nanoseconds on a CPU, nanoseconds waiting for one, turns: of the thread that reads it. */
const LINUX_FILE = '/proc/thread-self/schedstat';

/** Milliseconds of CPU that the thread which asks has taken; where the system does not know them, the time that passed. */
export function createThreadCpu(): () => number {
  return readLinux() === undefined
    ? () => performance.now()
    : () => {
        const nanoseconds = readLinux();
        return nanoseconds === undefined ? performance.now() : nanoseconds / 1e6;
      };
}

function readLinux(): number | undefined {
  try {
    const [nanoseconds] = readFileSync(LINUX_FILE, 'latin1').split(' ');
    const read = Number(nanoseconds);
    return read > 0 ? read : undefined;
  } catch {
    return undefined;
  }
}
