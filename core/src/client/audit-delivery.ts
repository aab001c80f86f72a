import type { Spool } from '../audit/spool.ts';
import { SecurityError } from '../errors/security-error.ts';
import type { Platform } from '../platform/platform.ts';
import { within } from '../platform/within.ts';
import { createAuditDrain } from './audit-drain.ts';
import { createLosses, type Gap } from './audit-losses.ts';

/** One event on its way, already in its final text. */
export interface OutgoingEvent {
  readonly n: number;
  readonly text: string;
  /** Such events may fill a quarter of the spool at most. */
  readonly isAnonymous: boolean;
}

export interface Delivery {
  /**
   * Resolves once the event is durable.
   *
   * @throws SecurityError `AUDIT_UNAVAILABLE`
   */
  deliver(event: OutgoingEvent): Promise<void>;
  /** Waits for what is under way and empties the spool as far as a few seconds reach. */
  stop(): Promise<void>;
  /** Whether events go to the disk, until what lies there is sent. */
  readonly isSpooling: boolean;
}

export interface DeliveryOptions {
  readonly post: (body: string, signal: AbortSignal) => Promise<void>;
  readonly spool: Spool;
  readonly mode: 'fail_closed' | 'fail_open';
  readonly platform: Platform;
  /** The event that admits a gap. */
  readonly describeGap: (gap: Gap) => OutgoingEvent;
}

interface Waiting {
  readonly event: OutgoingEvent;
  resolve(): void;
  reject(error: unknown): void;
}

const MAX_BATCH_EVENTS = 1000;
const MAX_BATCH_CHARACTERS = 786_432;
const MAX_WAITING = 20_000;
const POST_DEADLINE_MS = 2000;
const SPOOL_DEADLINE_MS = 1500;
const ANONYMOUS_SHARE = 0.25;
/** Refusals of the content: to send the same again cannot help. */
const CONDEMNING: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** Brings events to the service, or to the disk while it is away; a wait ends after about five seconds at worst. */
export function createDelivery(options: DeliveryOptions): Delivery {
  const { spool, mode, platform: { clock, log, metrics } } = options; // prettier-ignore
  const total = metrics.counter('aduana_audit_events_total', 'Audit events by where they went', ['path']);
  const losses = createLosses();
  let waiting: Waiting[] = [];
  let pumping: Promise<void> | undefined;
  let appending: Promise<void> | undefined;
  let isSpooled = !spool.isEmpty;

  const drain = createAuditDrain({
    spool,
    post,
    isCondemning,
    platform: options.platform,
    whenSpoolRests: () => appending,
    onEmpty: () => {
      isSpooled = false;
      log.info('the audit service takes events again');
      admitGap();
    },
  });
  if (isSpooled) drain.begin();

  function post(texts: readonly string[]): Promise<void> {
    const body = `{"events":[${texts.join(',')}]}`;
    return within(clock, POST_DEADLINE_MS, () => unavailable('no answer in time'), (signal) => options.post(body, signal)); // prettier-ignore
  }

  async function pump(): Promise<void> {
    while (waiting.length > 0) {
      const [batch, rest] = takeBatch(waiting);
      waiting = rest;
      await place(batch);
    }
    pumping = undefined;
  }

  async function place(batch: readonly Waiting[]): Promise<void> {
    if (!isSpooled) {
      try {
        await post(batch.map(({ event }) => event.text));
        settle(batch, 'direct');
        admitGap();
        return;
      } catch (error) {
        if (isCondemning(error)) {
          await placeEach(batch, error);
          return;
        }
        log.warn('the audit service does not take events: they go to the spool', { error });
        isSpooled = true;
      }
    }
    await spoolBatch(batch);
  }

  /** In their order while there is room for all; then those whom nobody knows have a part of it at most. */
  async function spoolBatch(batch: readonly Waiting[]): Promise<void> {
    const texts = batch.map(({ event }) => event.text);
    if (spool.hasRoom(texts, ANONYMOUS_SHARE)) return spoolPart(batch, ANONYMOUS_SHARE);
    await spoolPart(batch.filter(({ event }) => !event.isAnonymous), 1); // prettier-ignore
    await spoolPart(batch.filter(({ event }) => event.isAnonymous), ANONYMOUS_SHARE); // prettier-ignore
  }

  /** Finds the event for which the service refuses a batch. */
  async function placeEach(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length > 1) {
      for (const one of batch) await place([one]);
      return;
    }
    log.error('the audit service refuses an event', { error });
    lose(batch, error);
  }

  async function spoolPart(part: readonly Waiting[], shareOfRoom: number): Promise<void> {
    if (part.length === 0) return;
    try {
      await appendInTime(part.map(({ event }) => event.text), shareOfRoom); // prettier-ignore
      isSpooled = true; // the drain may have found the spool empty just before
      drain.begin();
      settle(part, 'spooled');
    } catch (error) {
      lose(part, error);
    }
  }

  /** A disk that hangs must not hang requests: until it answers, nothing more is given to it. */
  async function appendInTime(texts: readonly string[], shareOfRoom: number): Promise<void> {
    if (appending !== undefined) throw unavailable('the disk of the spool hangs');
    const append = spool.append(texts, shareOfRoom);
    appending = append
      .catch(() => undefined)
      .then(() => {
        appending = undefined;
      });
    await within(clock, SPOOL_DEADLINE_MS, () => unavailable('the disk of the spool hangs'), () => append); // prettier-ignore
    await appending;
  }

  function settle(batch: readonly Waiting[], path: 'direct' | 'spooled'): void {
    total.inc({ path }, batch.length);
    for (const { resolve } of batch) resolve();
  }

  function lose(batch: readonly Waiting[], cause: unknown): void {
    total.inc({ path: 'lost' }, batch.length);
    losses.add(batch.map(({ event }) => event.n));
    for (const { resolve, reject } of batch)
      if (mode === 'fail_open') resolve();
      else reject(toUnavailable(cause));
  }

  function admitGap(): void {
    const gap = losses.take(mode === 'fail_open');
    if (gap === undefined) return;
    log.error('events are missing from the audit log', { count: gap.count });
    deliver(options.describeGap(gap)).catch((error: unknown) => {
      log.error('a gap of the audit log could not be recorded', { count: gap.count, error });
    });
  }

  function deliver(event: OutgoingEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { event, resolve, reject };
      if (waiting.length >= MAX_WAITING) lose([entry], unavailable('too many events wait'));
      else {
        waiting.push(entry);
        pumping ??= Promise.resolve().then(pump);
      }
    });
  }

  return {
    deliver,
    async stop() {
      await pumping;
      await drain.finish();
      await pumping;
    },
    get isSpooling() {
      return isSpooled;
    },
  };
}

/** The oldest events that fit one body, and the rest. */
function takeBatch(waiting: Waiting[]): [Waiting[], Waiting[]] {
  let characters = 0;
  let count = 0;
  for (const { event } of waiting) {
    characters += event.text.length + 1;
    if (count > 0 && (count >= MAX_BATCH_EVENTS || characters > MAX_BATCH_CHARACTERS)) break;
    count += 1;
  }
  return count === waiting.length ? [waiting, []] : [waiting.slice(0, count), waiting.slice(count)];
}

function isCondemning(error: unknown): boolean {
  return error instanceof SecurityError && CONDEMNING.has(error.status);
}

function unavailable(detail: string): SecurityError {
  return new SecurityError('AUDIT_UNAVAILABLE', { detail });
}

function toUnavailable(cause: unknown): SecurityError {
  return cause instanceof SecurityError && cause.code === 'AUDIT_UNAVAILABLE'
    ? cause
    : new SecurityError('AUDIT_UNAVAILABLE', { cause });
}
