import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'undici';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined where the body is none. */
  readonly body: unknown;
}

/** The receiver does not take events now: the same are to be sent again. */
export class RetryableError extends Error {
  override readonly name: string = 'RetryableError';
  /** How long the receiver asks to wait at least. */
  readonly retryAfterMilliseconds: number;

  constructor(message: string, retryAfterMilliseconds = 0) {
    super(message);
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

/** The receiver refuses these events for good as they are together, for their size or for one of them; the message says why. */
export class RefusedBatchError extends Error {
  override readonly name = 'RefusedBatchError';
}

export interface HttpTransport {
  /** @throws RetryableError for 408, 429 and 5xx, RefusedBatchError for 413; Error when there is no complete answer */
  post(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<HttpAnswer>;
  /** Ends what is under way. */
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
const TOO_LARGE = 413;
/** No receiver keeps events away for longer than that with one answer. */
const LONGEST_PAUSE_MS = 300_000;

/** HTTPS to a receiver whose certificate is verified; redirects are not followed. */
export async function openHttpTransport(
  { url, tls }: HttpTransportSettings,
  clock: Clock,
): Promise<HttpTransport> {
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
      const { answer, text } = await within(clock, TIMEOUT_MS, late, async (signal) => {
        const begun = await request(url.replace(/\/$/, '') + path, {
          dispatcher: agent,
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
          signal,
        });
        return { answer: begun, text: await begun.body.text() };
      });
      const status = answer.statusCode;
      if (status === TOO_MANY || status === TIMED_OUT || status >= 500)
        throw new RetryableError(`the receiver answered ${String(status)}`, retryAfter(answer.headers));
      if (status === TOO_LARGE) throw new RefusedBatchError('too large for the receiver');
      return { status, body: parse(text) };
    },
    close: () => agent.destroy(),
  };
}

function late(): Error {
  return new Error('the receiver does not answer');
}

/** `Retry-After` in seconds, or as a date beside the receiver's own `Date` (RFC 9110 section 10.2.3). */
function retryAfter(headers: IncomingHttpHeaders): number {
  const value = headers['retry-after'] ?? '';
  const milliseconds = /^\d{1,9}$/.test(value)
    ? Number(value) * 1000
    : Date.parse(value) - Date.parse(headers.date ?? '');
  return milliseconds > 0 ? Math.min(milliseconds, LONGEST_PAUSE_MS) : 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
