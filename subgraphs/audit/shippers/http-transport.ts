import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined where the body is none. */
  readonly body: unknown;
}

/** What answers later or elsewhere: the same may be sent again. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
}

export interface HttpTransport {
  /** @throws RetryableError for 408, 429 and 5xx; Error when there is no complete answer */
  post(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface HttpTransportSettings {
  readonly url: string;
  readonly tls?:
    | { readonly ca: string; readonly certificate?: string | undefined; readonly key?: string | undefined }
    | undefined;
}

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 16_777_216;
const TOO_MANY = 429;
const TIMED_OUT = 408;

/** HTTPS to a receiver whose certificate is verified; redirects are not followed. */
export async function openHttpTransport({ url, tls }: HttpTransportSettings): Promise<HttpTransport> {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFile(file));
  const [ca, cert, key] = await Promise.all([read(tls?.ca), read(tls?.certificate), read(tls?.key)]);
  const agent = new Agent({
    connections: 2,
    connect: {
      timeout: TIMEOUT_MS,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    maxResponseSize: MAX_ANSWER_BYTES,
  });
  return {
    async post(path, headers, body) {
      const answer = await request(url.replace(/\/$/, '') + path, {
        dispatcher: agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await answer.body.text();
      const status = answer.statusCode;
      if (status === TOO_MANY || status === TIMED_OUT || status >= 500)
        throw new RetryableError(`the receiver answered ${String(status)}`);
      return { status, body: parse(text) };
    },
    close: () => agent.close(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
