import type { TraceContext } from '@aduana/core/platform/tracer';
import { within } from '@aduana/core/platform/within';
import { textsOf, type WaitingEvent } from './audit-batch.ts';
import type { AuditPlatform } from './audit-platform.ts';
import { unavailable } from './audit-refusals.ts';
import { startBatchSpan } from './batch-span.ts';

/** Sends one body to the audit service; rejects where the service does not take it. */
export type PostEvents = (body: string, signal: AbortSignal, trace?: TraceContext) => Promise<void>;

/** Sends events to the audit service, each batch within its time. */
export interface BatchPost {
  /** Events whose senders wait. One that is alone in its batch has the append in its trace. */
  waiting(batch: readonly WaitingEvent[]): Promise<void>;
  /** Events of the spool, for which nobody waits. */
  spooled(texts: readonly string[], stop: AbortSignal): Promise<void>;
}

/** How long senders wait for the service. */
export const POST_DEADLINE_MS = 2000;
const DRAIN_DEADLINE_MS = 10_000;

/** What events are posted as. */
export function eventsBody(texts: readonly string[]): string {
  return `{"events":[${texts.join(',')}]}`;
}

export function createBatchPost(
  post: PostEvents,
  { clock, tracer }: Pick<AuditPlatform, 'clock' | 'tracer'>,
): BatchPost {
  function send(
    texts: readonly string[],
    deadlineMilliseconds: number,
    stop?: AbortSignal,
    trace?: TraceContext,
  ): Promise<void> {
    return within(
      clock,
      deadlineMilliseconds,
      () => unavailable('no answer in time'),
      (signal) =>
        post(eventsBody(texts), stop === undefined ? signal : AbortSignal.any([signal, stop]), trace),
    );
  }
  return {
    async waiting(batch) {
      const span = startBatchSpan(batch, tracer);
      const trace = span?.trace ?? (batch.length === 1 ? batch[0]?.event.trace : undefined);
      let failure: string | undefined = 'AUDIT_UNAVAILABLE';
      try {
        await send(textsOf(batch), POST_DEADLINE_MS, undefined, trace);
        failure = undefined;
      } finally {
        span?.end(failure);
      }
    },
    spooled: (texts, stop) => send(texts, DRAIN_DEADLINE_MS, stop),
  };
}
