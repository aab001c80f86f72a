import type { GatewayError } from '@aduana/client/gateway/gateway-client';
import type { GatewayStream } from '@aduana/client/gateway/subscribe-gateway';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { CallerGateway } from './caller-gateway.ts';
import { isOwnRead } from './own-reads.ts';
import type { Session } from './session.ts';
import { parseTraceContext } from '@aduana/core/wire/trace-context';

/** What the live page asks for; each part is absent or exact. */
export interface EventFilter {
  readonly actor?: string;
  readonly outcome?: string;
  readonly type?: string;
  readonly operation?: string;
}

/** An event of the log as the pages read it. */
export interface FeedEvent {
  readonly seq: string;
  readonly canonical: string;
}

/** The log from some event on, read as the caller of a session. */
export interface EventFeed {
  /**
   * Opens the stream of what is recorded, which goes on where the last one ended; without what the console itself reads.
   * It ends when `signal` is aborted.
   *
   * @throws SecurityError `UNAUTHORIZED_FIELD_OR_TYPE` for a caller who may not read events, also while the stream runs;
   * `STREAMS_UNSUPPORTED`; `UNAUTHENTICATED`; `GATEWAY_UNAVAILABLE` for whatever is away or breaks off
   */
  open(signal: AbortSignal): Promise<AsyncGenerator<FeedEvent, void, undefined>>;
}

const DOCUMENT = `subscription ConsoleStream($filter: AuditFilter, $after: BigInt) {
  auditEventAdded(filter: $filter, afterSeq: $after) { id seq time type outcome actor clientId operation canonical }
}`;
/** A stream that breaks off before its first event must be known to go on from somewhere. */
const END_OF_LOG = `query ConsoleStreamStart { auditEvents(last: 1) { edges { node { seq } } } }`;

/** @param afterSeq where to go on; undefined: at the end of the log */
export function createEventFeed(
  gateway: CallerGateway,
  session: Session,
  filter: EventFilter,
  afterSeq: number | undefined,
): EventFeed {
  let after = afterSeq === undefined ? undefined : String(afterSeq);

  async function* read({ messages, close }: GatewayStream, signal: AbortSignal): AsyncGenerator<FeedEvent, void> {
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    for await (const { data, errors = [] } of messages) {
      const event = data?.['auditEventAdded'] as FeedEvent | null | undefined;
      if (event == null) throw refusalOf(200, errors);
      after = event.seq;
      if (!isOwnRead(event.canonical)) yield event;
    }
  } // prettier-ignore

  return {
    async open(signal) {
      after ??= await readEnd(gateway, session, signal);
      const stream = await gateway.subscribe(session, { query: DOCUMENT, variables: { filter, after }, signal });
      if (stream.status !== 200) throw refusalOf(stream.status, stream.refused);
      return read(stream, signal);
    }, // prettier-ignore
  };
}

async function readEnd(gateway: CallerGateway, session: Session, signal: AbortSignal): Promise<string> {
  const trace = parseTraceContext(undefined);
  const { status, body } = await gateway.graphql(session, { query: END_OF_LOG, trace, signal });
  const { data, errors = [] } = JSON.parse(body.toString('utf8')) as {
    readonly data?: {
      readonly auditEvents?: {
        readonly edges: readonly { readonly node: { readonly seq: string } }[];
      } | null;
    } | null;
    readonly errors?: readonly GatewayError[];
  };
  if (data?.auditEvents == null) throw refusalOf(status, errors);
  return data.auditEvents.edges.at(-1)?.node.seq ?? '0';
}

/** What asking again does not change: no right, or a gateway that has no streams, or not this one. */
const FINAL = ['UNAUTHORIZED_FIELD_OR_TYPE', 'STREAMS_UNSUPPORTED', 'GRAPHQL_VALIDATION_FAILED'] as const;

export function isFinal(error: unknown): error is SecurityError {
  return error instanceof SecurityError && FINAL.some((code) => code === error.code);
}

function refusalOf(status: number, errors: readonly Pick<GatewayError, 'extensions'>[]): SecurityError {
  if (status === 401) return new SecurityError('UNAUTHENTICATED');
  const code = FINAL.find((known) => errors.some(({ extensions }) => extensions?.['code'] === known));
  return new SecurityError(code ?? 'GATEWAY_UNAVAILABLE', {
    detail: `the gateway answered ${String(status)} without events`,
  });
}
