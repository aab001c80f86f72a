import type { Secret } from '@aduana/core/secrets/secret';
import { request } from 'undici';
import { z } from 'zod';

export interface AskOptions {
  readonly url: string;
  /** It is in no log and no error. */
  readonly key: Secret | undefined;
  /** The header that takes the key, in lower case; `authorization` takes it as a bearer token. */
  readonly keyHeader: string;
  readonly maxBytes: number;
}

/** A version as the other side names it: an entity tag, or Uplink's id. */
export interface AskedVersion {
  readonly text: string;
  readonly tag: string | undefined;
}

/**
 * Asks for what is newer than a version.
 *
 * @throws Error whose message holds neither key nor path nor what was answered
 */
export type AskSupergraph = (known: string | undefined) => Promise<AskedVersion | 'unchanged'>;

const TIMEOUT_MILLISECONDS = 10_000;
const DUMP_BYTES = 65_536;

/** Asks a registry's CDN or an object store, with `If-None-Match` (RFC 9110 section 13.1.2). */
export function askByEntityTag({ url, key, keyHeader, maxBytes }: AskOptions): AskSupergraph {
  return async (known) => {
    const { status, headers, text } = await send(url, maxBytes, {
      method: 'GET',
      headers: {
        accept: 'application/graphql, text/plain;q=0.9, */*;q=0.1',
        ...(key === undefined ? {} : keyHeaders(key, keyHeader)),
        ...(known === undefined ? {} : { 'if-none-match': known }),
      },
    });
    if (status === 304) return 'unchanged';
    if (status !== 200) throw new Error(`it answered ${String(status)}`);
    const etag = headers['etag'];
    return { text, tag: typeof etag === 'string' ? etag : undefined };
  };
}

function keyHeaders(key: Secret, header: string): Readonly<Record<string, string>> {
  return { [header]: header === 'authorization' ? `Bearer ${key.reveal()}` : key.reveal() };
}

const UPLINK_QUERY = `query SupergraphSdl($apiKey: String!, $ref: String!, $ifAfterId: ID) {
  routerConfig(ref: $ref, apiKey: $apiKey, ifAfterId: $ifAfterId) {
    __typename
    ... on RouterConfigResult { id supergraphSdl: supergraphSDL }
    ... on FetchError { code }
  }
}`;

const UPLINK_ANSWER = z.object({
  data: z.object({
    routerConfig: z.discriminatedUnion('__typename', [
      z.object({ __typename: z.literal('RouterConfigResult'), id: z.string(), supergraphSdl: z.string() }),
      z.object({ __typename: z.literal('Unchanged') }),
      z.object({ __typename: z.literal('FetchError'), code: z.string().regex(/^[A-Z_]{1,64}$/) }),
    ]),
  }),
});

/**
 * Asks GraphOS Uplink for the supergraph of one variant.
 *
 * @param ref graph and variant, as `my-graph@production`
 */
export function askUplink({ url, key, maxBytes }: AskOptions, ref: string): AskSupergraph {
  return async (known) => {
    const { status, text } = await send(url, maxBytes, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({
        query: UPLINK_QUERY,
        variables: { apiKey: key?.reveal() ?? '', ref, ifAfterId: known ?? null },
      }),
    });
    if (status !== 200) throw new Error(`Uplink answered ${String(status)}`);
    const answer = UPLINK_ANSWER.safeParse(parseJson(text));
    if (!answer.success) throw new Error('Uplink answered with what is no configuration');
    const { routerConfig } = answer.data.data;
    if (routerConfig.__typename === 'Unchanged') return 'unchanged';
    if (routerConfig.__typename === 'FetchError') throw new Error(`Uplink refused: ${routerConfig.code}`);
    return { text: routerConfig.supergraphSdl, tag: routerConfig.id };
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Sent {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty where the status is not 200. */
  readonly text: string;
}

/** Follows no redirect, and reads no more than `maxBytes` in no more than ten seconds. */
async function send(
  url: string,
  maxBytes: number,
  options: {
    readonly method: 'GET' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<Sent> {
  const { statusCode, headers, body } = await request(url, {
    ...options,
    headersTimeout: TIMEOUT_MILLISECONDS,
    bodyTimeout: TIMEOUT_MILLISECONDS,
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    reset: true,
  });
  if (statusCode !== 200) {
    await body.dump({ limit: DUMP_BYTES });
    return { status: statusCode, headers, text: '' };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) throw new Error(`it is larger than SUPERGRAPH_MAX_BYTES=${String(maxBytes)}`);
    chunks.push(bytes);
  }
  return { status: statusCode, headers, text: Buffer.concat(chunks).toString('utf8') };
}
