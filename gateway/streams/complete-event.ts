import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { RefusalPlacement } from '../authorize/place-refusals.ts';
import { tellCure } from '../authorize/step-up.ts';
import { openCancellationScope } from '../execute/shared/cancellation-scope.ts';
import type { CompletionBudget } from '../limits/completion-turn.ts';
import type { OpenSender } from '../execute/shared/send-fetch.ts';
import { runEvent } from '../execute/subscription/run-event.ts';
import type { AuditGate } from './audit-gate.ts';
import type { ContinuousRights } from './continuous-rights.ts';
import type { DecidedSubscription } from './decide-subscription.ts';
import type { Waiting } from './event-queue.ts';
import { createStreamMessage, type StreamMessage } from './stream-message.ts';

export interface CompleteEventOptions {
  readonly openSender: OpenSender;
  readonly budget?: CompletionBudget | undefined;
  readonly gate: AuditGate;
  readonly refusals: RefusalPlacement;
  readonly clock: Clock;
  readonly log: Log;
  readonly operationTimeoutMs: number;
}

/** The stream that the message is for. */
export interface StreamOfEvents {
  readonly rights: ContinuousRights;
  /** Aborted when the stream ends. */
  readonly signal: AbortSignal;
}

/** Of one event whose rights change while it is completed. */
const MOST_ATTEMPTS = 5;

/**
 * The message of an event, as the rights of the moment in which it leaves have it; undefined once all is over.
 *
 * @throws SecurityError `AUDIT_UNAVAILABLE`, `STREAM_RESTART`
 */
export async function completeEvent(
  { feed, event }: Waiting,
  stream: StreamOfEvents,
  options: CompleteEventOptions,
): Promise<StreamMessage | undefined> {
  const { clock, gate, refusals } = options;
  const { rights, signal } = stream;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    await gate.pass();
    rights.reviewOf(feed, clock.now());
    if (signal.aborted) return undefined;
    const { effective } = feed;
    if (effective === undefined) {
      await feed.deciding;
      continue;
    }
    const { data, errors } = await run({ feed, event }, effective, stream, options);
    rights.reviewOf(feed, clock.now());
    if (isAborted(signal)) return undefined;
    if (feed.effective === effective && gate.isOpen)
      return createStreamMessage(data, tellCure(errors, rights.cureOf(feed, clock.now())), refusals);
  }
  throw new SecurityError('STREAM_RESTART', { detail: 'rights change too often' });
}

/** A review may abort it: no narrowing of an earlier look holds. */
function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}

async function run(
  { feed, event }: Pick<Waiting, 'feed' | 'event'>,
  { authorized, compiled, narrowings }: DecidedSubscription,
  { signal }: StreamOfEvents,
  { openSender, budget, clock, log, operationTimeoutMs }: CompleteEventOptions,
) {
  const operation = openCancellationScope(signal);
  const deadline = clock.after(operationTimeoutMs, () => {
    operation.end(new SecurityError('OPERATION_TIMEOUT'));
  });
  try {
    const send = openSender({
      fetcher: feed.fetcher,
      authorized,
      narrowings,
      operation,
      onCall: () => undefined,
    });
    return await runEvent(compiled, feed.opened.compiled.primary, event, { send, log, signal, budget });
  } finally {
    deadline.cancel();
    operation.close();
  }
}
