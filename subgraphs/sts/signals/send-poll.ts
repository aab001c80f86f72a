import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { Secret } from '@aduana/core/secrets/secret';
import type { SetError } from './refuse-security-event.ts';

/** What is asked of a transmitter (RFC 8936 section 2.2). */
export interface PollRequest {
  readonly url: string;
  /** PEM; undefined: the system's CAs. */
  readonly ca: string | undefined;
  /** Holds the bearer token; read for each request, so that it may be rotated. */
  readonly tokenFile: string;
  /** `jti` of tokens whose effect is durable. */
  readonly ack: readonly string[];
  /** By `jti`, why a token was refused. */
  readonly setErrs: ReadonlyMap<string, SetError>;
  readonly signal: AbortSignal;
}

/** RFC 8936 section 2.3. */
export interface PollAnswer {
  /** Tokens by their `jti`. */
  readonly sets: ReadonlyMap<string, string>;
  readonly moreAvailable: boolean;
}

/** One bounded request, without redirects, which the transmitter may hold until there are events. */
export type SendPoll = (poll: PollRequest) => Promise<PollAnswer>;

const CONNECT_TIMEOUT_MS = 3_000;
const LARGEST_ANSWER_BYTES = 2_097_152;
const MOST_EVENTS = 100;
/** For how long a transmitter may hold the request: then it is sent again. */
export const LONGEST_HOLD_MS = 30_000;

const ANSWER = z.object({
  sets: z.record(z.string().min(1).max(500), z.string()).default({}),
  moreAvailable: z.boolean().default(false),
});

export const sendPoll: SendPoll = async ({ url, ca, tokenFile, ack, setErrs, signal }) => {
  const token = Secret.of((await readFile(resolve(tokenFile), 'utf8')).trim());
  const dispatcher = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) },
    headersTimeout: LONGEST_HOLD_MS + CONNECT_TIMEOUT_MS,
    bodyTimeout: LONGEST_HOLD_MS,
    maxResponseSize: LARGEST_ANSWER_BYTES,
  });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      method: 'POST',
      signal,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify({
        maxEvents: MOST_EVENTS,
        ...(ack.length === 0 ? {} : { ack }),
        ...(setErrs.size === 0 ? {} : { setErrs: Object.fromEntries(setErrs) }),
      }),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the transmitter answered ${String(statusCode)}`);
    const { sets, moreAvailable } = ANSWER.parse(JSON.parse(text));
    return { sets: new Map(Object.entries(sets).slice(0, MOST_EVENTS)), moreAvailable };
  } finally {
    await dispatcher.destroy();
  }
};
