import type { BodySink, ServiceResponse } from '@aduana/core/http/route';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { type TraceContext, traceFields } from '@aduana/core/wire/trace-context';
import { refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import { formatEvent } from '@aduana/core/wire/event-stream';
import type { ErrorMask } from '@aduana/subgraph/graphql/mask-error';
import { subscribeMasked } from '@aduana/subgraph/graphql/subscribe-masked';
import type { GraphQLSchema } from 'graphql';

export interface SubscriptionOptions {
  readonly clock: Clock;
  /** What ends a stream that was admitted. */
  readonly status: StatusView;
  /** Called back when the service stops. */
  readonly onStop: (task: () => void) => void;
}

interface StreamContext {
  readonly token: VerifiedToken;
  readonly trace: TraceContext;
}

/** Answers admitted subscriptions with server-sent events (graphql-sse, distinct connections). */
export interface SubscriptionAnswers {
  /** @throws SecurityError `BAD_REQUEST`, `GRAPHQL_VALIDATION_FAILED` */
  answer(parameters: unknown, context: StreamContext): Promise<ServiceResponse>;
}

const HEARTBEAT_MS = 15_000;
/** What may wait for a reader; then events are read no further, until some of it has left. */
const MOST_WAITING_BYTES = 262_144;
const LOOK_AGAIN_MS = 20;

/** @param schema guarded: the guard decides when a stream is opened, and the status feed for as long as it runs */
export function createSubscriptionAnswers(
  schema: GraphQLSchema,
  mask: ErrorMask,
  options: SubscriptionOptions & { readonly log: Log },
): SubscriptionAnswers {
  const running = new Set<() => void>();
  options.onStop(() => {
    for (const breakOff of running) breakOff();
  });
  return {
    async answer(parameters, context) {
      const { token, trace } = context;
      const ended = new AbortController();
      const contextValue = { ...context, signal: ended.signal };
      const results = await subscribeMasked({ schema, parameters, contextValue, mask, trace });
      return {
        status: 200,
        headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
        stream: {
          start(sink) {
            const release = hold(sink, token, running, options);
            sink.onClose(() => {
              ended.abort();
              release();
            });
            send(results, sink, ended.signal, options.clock).catch((error: unknown) => {
              options.log.error('a subscription failed', {
                error: describeError(error),
                ...traceFields(trace),
              });
              sink.destroy();
            });
          },
          cancel() {
            ended.abort();
          },
        },
      };
    },
  };
}

/**
 * Keeps a stream open until its token counts no more, or the service stops.
 *
 * @returns what ends that
 */
function hold(
  sink: BodySink,
  token: VerifiedToken,
  running: Set<() => void>,
  { clock, status }: SubscriptionOptions,
): () => void {
  const breakOff = (): void => {
    sink.destroy();
  };
  const beat = async (): Promise<void> => {
    await Promise.resolve();
    sink.write(':\n\n');
  };
  const heartbeat = every(clock, () => HEARTBEAT_MS, beat, breakOff);
  const unfollow = status.onChange(() => {
    if (refusedByStatus(token, status) !== undefined) breakOff();
  });
  running.add(breakOff);
  sink.write(':\n\n');
  return () => {
    running.delete(breakOff);
    unfollow();
    void heartbeat.stop();
  };
}

async function send(
  results: AsyncIterable<unknown>,
  sink: BodySink,
  ended: AbortSignal,
  clock: Clock,
): Promise<void> {
  const isOver = (): boolean => ended.aborted;
  for await (const result of results) {
    if (isOver()) return;
    sink.write(formatEvent('next', JSON.stringify(result)));
    while (sink.waitingBytes > MOST_WAITING_BYTES && !isOver())
      await clock.sleep(LOOK_AGAIN_MS, ended).catch(() => undefined);
  }
  if (isOver()) return;
  sink.write(formatEvent('complete', ''));
  sink.end();
}
