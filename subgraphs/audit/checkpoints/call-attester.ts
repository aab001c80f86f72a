import { request } from 'undici';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;

export interface AttesterCall {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Ends the call when the log stops. */
  readonly stop: AbortSignal;
}

/**
 * Posts to who vouches for checkpoints.
 *
 * @throws Error when there is no answer in time, or one without an end
 */
export async function callAttester({
  url,
  headers = {},
  body,
  stop,
}: AttesterCall): Promise<{ readonly status: number; readonly body: Buffer }> {
  const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), stop]);
  const answer = await request(url, { method: 'POST', headers, body, signal });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return { status: answer.statusCode, body: Buffer.concat(chunks) };
}
