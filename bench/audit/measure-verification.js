import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeLog } from './write-log.js';

const SCRIPT = fileURLToPath(new URL('verify-log.js', import.meta.url));

/** How long the offline verifier takes over an exported log, in a process of its own, and what it holds at most. */
export async function measureVerification(folder, entries) {
  await writeLog(folder, entries);
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, folder]);
  return { entries, ...JSON.parse(stdout) };
}
