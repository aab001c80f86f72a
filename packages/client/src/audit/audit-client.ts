import { ANONYMOUS, type AuditRecord } from './audit-event.ts';
import type { AuditSink } from './audit-sink.ts';
import { auditEvent } from './event-catalogue.ts';
import { boundedText } from './canonical.ts';
import { shareOfRoom } from './share-of-room.ts';
import type { SpoolQueue } from './spool.ts';
import type { SpoolBoots } from './spool-boots.ts';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { NO_TRACER, type Span, type TraceContext } from '@aduana/core/platform/tracer';
import { uuid, uuidv7 } from '@aduana/core/platform/ids';
import type { OutgoingEvent } from './audit-batch.ts';
import { AuditDelivery } from './audit-delivery.ts';
import type { AuditPlatform } from './audit-platform.ts';

export interface AuditClientOptions {
  /** Which replica this is; the same after a restart. */
  readonly instance: string;
  /**
   * `POST /audit/events` with this JSON body; resolves when the service answered 2xx.
   *
   * @throws SecurityError with the status of the answer; 400, 409, 413, 415 and 422 condemn the content, all else is tried again
   */
  readonly post: (body: string, signal: AbortSignal, trace?: TraceContext) => Promise<void>;
  readonly spool: SpoolQueue;
  /** Which boots have used the spool; absent: nobody may conclude from the log that one was lost. */
  readonly boots?: SpoolBoots;
  /** Whether, beside the spool, something is left to the next boot: then no `source.stop` says that nothing is. */
  readonly leavesMore?: () => boolean;
  readonly mode: 'fail_closed' | 'fail_open';
  readonly platform: AuditPlatform;
}

/** A service's client of the audit log. */
export interface AuditClient extends AuditSink {
  /** Records `source.start`; what an earlier boot left in the spool goes first. */
  start(): Promise<void>;
  /** Records `source.stop`, sends what it can within a few seconds, and leaves the rest in the spool. Idempotent. */
  stop(): Promise<void>;
  /** `spooling`: events go to the disk until what lies there is sent. `refusing`: they go nowhere, since nothing is spooled, or nobody keeps a copy. */
  readonly state: 'ok' | 'spooling' | 'refusing';
}

const ALIVE_SECONDS = 300;
const START_AGAIN_MS = 1000;

/**
 * Gives each event its id, its place in this boot's count and a bounded form, and keeps it until it is durable: sent in
 * batches, one under way at a time with everything that came meanwhile behind it, or spooled on disk.
 */
export function createAuditClient(options: AuditClientOptions): AuditClient {
  const { instance, platform, spool, boots } = options;
  const { tracer = NO_TRACER } = platform;
  const bootId = uuid();
  const envelop = createEnvelopes(instance, bootId, platform.clock);
  const lifecycle = (
    event: Pick<AuditRecord, 'type' | 'class_uid' | 'detail'>,
    outcome: AuditRecord['outcome'],
  ) => envelop({ ...event, outcome, actor: { ...ANONYMOUS, sub: instance } });
  const delivery = new AuditDelivery({
    ...options,
    describeGap: ({ count, ranges, answered }) =>
      lifecycle(auditEvent('audit.gap', { count, ranges, answered }), 'FAILED'),
  });
  let stopping: Promise<void> | undefined;

  async function record(entry: AuditRecord, trace?: TraceContext): Promise<string> {
    if (stopping !== undefined)
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the service is stopping' });
    const event = envelop(entry);
    const span = trace && tracer.start('audit append', trace, 'client');
    if (span === undefined) await delivery.deliver(trace === undefined ? event : { ...event, trace });
    else await deliverIn(delivery, span, event);
    return event.id;
  }

  const promise = { spool: promiseOf(spool), alive_seconds: ALIVE_SECONDS };
  const isPromised = boots !== undefined || spool.isOff === true;
  const alive = isPromised
    ? beginAlive(platform.clock, () =>
        delivery.deliver(lifecycle(auditEvent('source.alive', promise), 'ALLOWED')),
      )
    : undefined;

  async function start(): Promise<void> {
    const previous = await boots?.begin(bootId);
    const detail = isPromised ? { ...promise, ...(previous === undefined ? {} : { previous }) } : {};
    const started = (): Promise<void> =>
      delivery.deliver(lifecycle(auditEvent('source.start', detail), 'ALLOWED'));
    const isLast = (): boolean => promise.spool === 'local' || stopping !== undefined;
    await Promise.all([untilRecorded(started, platform.clock, isLast), delivery.admitGaps()]);
  }

  const warn = (error: unknown) => { platform.log.warn('the stop of this service could not be recorded', { error }); }; // prettier-ignore
  async function stop(): Promise<void> {
    await alive?.stop();
    await delivery.admitGaps();
    const leavesMore = options.leavesMore?.() === true;
    if (!leavesMore) await delivery.deliver(lifecycle(auditEvent('source.stop', {}), 'ALLOWED')).catch(warn);
    await delivery.stop();
    if (spool.isEmpty && !leavesMore) await boots?.leaveEmpty();
  }

  return {
    record,
    start,
    stop() {
      stopping ??= stop();
      return stopping;
    },
    get state() {
      return stateOf(delivery);
    },
  };
}

/** Where what is answered may lie while the log is away. */
function promiseOf({ isOff, isReplicated }: SpoolQueue): 'off' | 'local' | 'replicated' {
  if (isOff === true) return 'off';
  return isReplicated === true ? 'replicated' : 'local';
}

function stateOf({ isRefusing, isSpooling }: AuditDelivery): AuditClient['state'] {
  if (isRefusing) return 'refusing';
  return isSpooling ? 'spooling' : 'ok';
}

function beginAlive(clock: Clock, record: () => Promise<void>): Repeating {
  return every(
    clock,
    () => ALIVE_SECONDS * 1000,
    record,
    () => undefined,
  ); // a loss is admitted as a gap
}

/** Where events are refused while the log is away, nobody waits for it but us. */
async function untilRecorded(
  record: () => Promise<void>,
  clock: Clock,
  isLast: () => boolean,
): Promise<void> {
  for (;;)
    try {
      await record();
      return;
    } catch (error) {
      if (isLast()) throw error;
      await clock.sleep(START_AGAIN_MS);
    }
}

/** The wait for an event is a span of the request that waits. */
async function deliverIn(delivery: AuditDelivery, span: Span, event: OutgoingEvent): Promise<void> {
  let failure: string | undefined = 'AUDIT_UNAVAILABLE';
  try {
    await delivery.deliver({ ...event, trace: span.trace });
    failure = undefined;
  } finally {
    span.end(failure);
  }
}

/** Numbers the events of one boot from 0 and gives them their final text. */
function createEnvelopes(
  instance: string,
  bootId: string,
  clock: Clock,
): (record: AuditRecord) => OutgoingEvent & { readonly id: string } {
  let count = 0;
  return (record) => {
    const now = clock.now();
    const { id = uuidv7(now), type, actor } = record;
    const n = count;
    count += 1;
    const text = boundedText({
      v: 1,
      id,
      time: new Date(now).toISOString(),
      source: { instance, boot_id: bootId, n },
      type,
      class_uid: record.class_uid,
      outcome: record.outcome,
      actor,
      request: record.request ?? null,
      policy: record.policy ?? null,
      trace: record.trace ?? null,
      pii: record.pii ?? null,
      detail: record.detail,
    });
    return { id, n, text, shareOfRoom: shareOfRoom(type, actor) };
  };
}
