import { setTimeout as pause } from 'node:timers/promises';
import { UsageProblem } from './problems.ts';
import type { ReadObject } from './tile-tree.ts';

const TIMEOUT_MS = 30_000;
const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;
/** A bundle of 256 entries of 65,535 bytes, and their lengths. */
const MAX_BYTES = 256 * 65_537;
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** What a bucket answers for an object that is not there, where whoever asks may not list it. */
const FORBIDDEN = 403;
const NOT_FOUND = 404;
/** What may be missing in a published log. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'minimum-index',
  'checkpoint/timestamp',
  'checkpoint/timestamped',
]);

/**
 * Reads what is published below an `https://` address; `http://` is for loopback.
 *
 * @param pauseMilliseconds after a failed attempt, the first of four; it doubles
 * @throws UsageProblem for another address, and from what it returns where the server does not answer or refuses
 */
export function fetchBelow(address: string, pauseMilliseconds = FIRST_PAUSE_MS): ReadObject {
  if (!isSafe(address)) throw new UsageProblem(`${address} is no https:// address`);
  const base = address.endsWith('/') ? address : `${address}/`;
  return async (path) => {
    for (let attempt = 1; ; attempt += 1) {
      const { content, problem, isFinal } = await fetchOnce(base + path, OPTIONAL.has(path));
      if (problem === undefined) return content;
      if (isFinal || attempt === ATTEMPTS) throw new UsageProblem(`${path}: ${problem}`);
      await pause(pauseMilliseconds * 2 ** (attempt - 1));
    }
  };
}

interface Outcome {
  readonly content?: Buffer | undefined;
  readonly problem?: string;
  /** Whether asking again cannot help. */
  readonly isFinal?: boolean;
}

async function fetchOnce(url: string, isOptional: boolean): Promise<Outcome> {
  try {
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.status === 200) return await readBody(answer);
    await answer.body?.cancel();
    if (answer.status === NOT_FOUND || (answer.status === FORBIDDEN && isOptional)) return {};
    const isFinal = answer.status < 500 && answer.status !== 429;
    return { problem: `the server answers with HTTP ${String(answer.status)}`, isFinal };
  } catch (error) {
    const { cause, name } = error as { readonly cause?: { readonly code?: string }; readonly name: string };
    return { problem: `the server cannot be asked (${cause?.code ?? name})` };
  }
}

async function readBody(answer: Response): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BYTES) return { problem: 'it is too large to be of a log', isFinal: true };
    chunks.push(chunk);
  }
  return { content: Buffer.concat(chunks) };
}

function isSafe(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, search, hash } = new URL(address);
  if (search + hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname));
}
