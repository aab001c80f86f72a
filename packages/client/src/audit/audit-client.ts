import { ANONYMOUS, type AuditActor, type AuditRecord } from '../audit/audit-event.ts';
import type { AuditSink } from '../audit/audit-sink.ts';
import { boundedText } from '../audit/canonical.ts';
import type { Spool } from '../audit/spool.ts';
import { SecurityError } from '../errors/security-error.ts';
import type { Clock } from '../platform/clock.ts';
import { uuid, uuidv7 } from '../platform/ids.ts';
import type { Platform } from '../platform/platform.ts';
import type { OutgoingEvent } from './audit-batch.ts';
import { AuditDelivery } from './audit-delivery.ts';

export interface AuditClientOptions {
  /** Which replica this is; the same after a restart. */
  readonly instance: string;
  /**
   * `POST /audit/events` with this JSON body; resolves when the service answered 2xx.
   *
   * @throws SecurityError with the status of the answer; 400, 409, 413, 415 and 422 condemn the content, all else is tried again
   */
  readonly post: (body: string, signal: AbortSignal) => Promise<void>;
  readonly spool: Spool;
  readonly mode: 'fail_closed' | 'fail_open';
  readonly platform: Platform;
}

/** A service's line to the log. */
export interface AuditClient extends AuditSink {
  /** Records `source.start`; what an earlier boot left in the spool goes first. */
  start(): Promise<void>;
  /** Records `source.stop`, sends what it can within a few seconds, and leaves the rest in the spool. Idempotent. */
  stop(): Promise<void>;
  /** `spooling`: events go to the disk until what lies there is sent. */
  readonly state: 'ok' | 'spooling';
}

/** OCSF 1.8.0 application lifecycle. */
const LIFECYCLE = 6002;
const ANONYMOUS_SHARE = 0.25;
const INTENT_SHARE = 0.9;

/**
 * Gives each event its id, its place in this boot's count and a bounded form, and keeps it until it is durable: sent in
 * batches, one under way at a time with everything that came meanwhile behind it, or spooled on disk.
 */
export function createAuditClient(options: AuditClientOptions): AuditClient {
  const { instance, platform } = options;
  const envelop = createEnvelopes(instance, platform.clock);
  const lifecycle = (type: string, outcome: AuditRecord['outcome'], detail?: AuditRecord['detail']) =>
    envelop({
      type,
      class_uid: LIFECYCLE,
      outcome,
      actor: { ...ANONYMOUS, sub: instance },
      ...(detail === undefined ? {} : { detail }),
    });
  const delivery = new AuditDelivery({
    ...options,
    describeGap: ({ count, ranges, answered }) =>
      lifecycle('audit.gap', 'FAILED', { count, ranges, answered }),
  });
  let stopping: Promise<void> | undefined;

  async function record(entry: AuditRecord): Promise<string> {
    if (stopping !== undefined)
      throw new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the service is stopping' });
    const event = envelop(entry);
    await delivery.deliver(event);
    return event.id;
  }

  async function start(): Promise<void> {
    const started = delivery.deliver(lifecycle('source.start', 'ALLOWED'));
    await Promise.all([started, delivery.admitGaps()]);
  }

  async function stop(): Promise<void> {
    await delivery.admitGaps();
    await delivery.deliver(lifecycle('source.stop', 'ALLOWED')).catch((error: unknown) => {
      platform.log.warn('the stop of this service could not be recorded', { error });
    });
    await delivery.stop();
  }

  return {
    record,
    start,
    stop() {
      stopping ??= stop();
      return stopping;
    },
    get state() {
      return delivery.isSpooling ? 'spooling' : 'ok';
    },
  };
}

/** Strangers cannot fill the spool, and what was begun finds room for its outcome. */
function shareOf(type: string, actor: AuditActor): number {
  if (actor.sub === ANONYMOUS.sub) return ANONYMOUS_SHARE;
  return type === 'request.intent' ? INTENT_SHARE : 1;
}

/** Numbers the events of one boot from 0 and gives them their final text. */
function createEnvelopes(
  instance: string,
  clock: Clock,
): (record: AuditRecord) => OutgoingEvent & { readonly id: string } {
  const bootId = uuid();
  let count = 0;
  return (record) => {
    const now = clock.now();
    const {
      id = uuidv7(now),
      type,
      class_uid,
      outcome,
      actor,
      request,
      policy,
      trace,
      pii,
      ...rest
    } = record;
    const n = count;
    count += 1;
    const text = boundedText({
      v: 1,
      id,
      time: new Date(now).toISOString(),
      source: { instance, boot_id: bootId, n },
      type,
      class_uid,
      outcome,
      actor,
      request: request ?? null,
      policy: policy ?? null,
      trace: trace ?? null,
      pii: pii ?? null,
      ...rest,
    });
    return { id, n, text, shareOfRoom: shareOf(type, actor) };
  };
}
