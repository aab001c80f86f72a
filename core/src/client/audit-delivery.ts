import type { Spool } from '../audit/spool.ts';
import { SecurityError } from '../errors/security-error.ts';
import type { LogFields } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import { within } from '../platform/within.ts';
import { type AuditDrain, createAuditDrain } from './audit-drain.ts';
import { createLosses, type Gap } from './audit-losses.ts';

/** One event on its way, already in its final text. */
export interface OutgoingEvent {
  readonly n: number;
  readonly text: string;
  /** Such events may fill a quarter of the spool at most. */
  readonly isAnonymous: boolean;
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
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH_EVENTS = 1000;
const MAX_BATCH_CHARACTERS = 786_432;
const MAX_WAITING = 20_000;
const POST_DEADLINE_MS = 2000;
/** Nobody waits for what is on the disk already. */
const DRAIN_DEADLINE_MS = 10_000;
const SPOOL_DEADLINE_MS = 1500;
const ANONYMOUS_SHARE = 0.25;
/** Refusals of the content: to send the same again cannot help. */
const CONDEMNING: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

const START_UP_MS = 10_000;

/** Brings events to the service, or to the disk while it is away; a wait ends after about five seconds at worst. */
export class AuditDelivery {
  readonly #options: DeliveryOptions;
  readonly #total: ReturnType<Platform['metrics']['counter']>;
  readonly #losses = createLosses();
  readonly #drain: AuditDrain;
  #waiting: Waiting[] = [];
  #pumping: Promise<void> | undefined;
  #appending: Promise<void> | undefined;
  #isSpooling: boolean;
  readonly #openedAt: number;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#openedAt = options.platform.clock.monotonic();
    const { spool, platform } = options;
    this.#total = platform.metrics.counter('aduana_audit_events_total', 'Audit events by where they went', [
      'path',
    ]);
    this.#drain = createAuditDrain({
      spool,
      platform,
      isCondemning,
      post: (texts) => this.#post(texts, DRAIN_DEADLINE_MS),
      whenSpoolRests: () => this.#appending,
      onEmpty: () => {
        this.#isSpooling = false;
        this.#log('the audit service takes events again');
        this.#admitGap();
      },
    });
    this.#isSpooling = !spool.isEmpty;
    if (this.#isSpooling) this.#drain.begin();
  }

  /** Whether events go to the disk, until what lies there is sent. */
  get isSpooling(): boolean {
    return this.#isSpooling;
  }

  /**
   * Resolves once the event is durable.
   *
   * @throws SecurityError `AUDIT_UNAVAILABLE`
   */
  deliver(event: OutgoingEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { event, resolve, reject };
      if (this.#waiting.length >= MAX_WAITING) this.#lose([entry], unavailable('too many events wait'));
      else {
        this.#waiting.push(entry);
        this.#pumping ??= Promise.resolve().then(() => this.#pump());
      }
    });
  }

  /** Waits for what is under way and empties the spool as far as a few seconds reach. */
  async stop(): Promise<void> {
    await this.#pumping;
    await this.#drain.finish();
    await this.#pumping;
  }

  /** Services start in any order: that the log is not there in the first seconds is no news. */
  #log(message: string, fields: LogFields = {}): void {
    const { clock, log } = this.#options.platform;
    if (clock.monotonic() - this.#openedAt < START_UP_MS) log.debug(message, fields);
    else log.warn(message, fields);
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      const [batch, rest] = takeBatch(this.#waiting);
      this.#waiting = rest;
      await this.#place(batch);
    }
    this.#pumping = undefined;
  }

  async #place(batch: readonly Waiting[]): Promise<void> {
    if (!this.#isSpooling) {
      try {
        await this.#post(batch.map(({ event }) => event.text), POST_DEADLINE_MS); // prettier-ignore
        this.#settle(batch, 'direct');
        this.#admitGap();
        return;
      } catch (error) {
        if (isCondemning(error)) return this.#placeEach(batch, error);
        this.#log('the audit service does not take events: they go to the spool', { error });
        this.#isSpooling = true;
      }
    }
    await this.#spoolBatch(batch);
  }

  #post(texts: readonly string[], deadlineMs: number): Promise<void> {
    const { platform, post } = this.#options;
    const body = `{"events":[${texts.join(',')}]}`;
    return within(platform.clock, deadlineMs, () => unavailable('no answer in time'), (signal) => post(body, signal)); // prettier-ignore
  }

  /** Finds the event for which the service refuses a batch. */
  async #placeEach(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length > 1) {
      for (const one of batch) await this.#place([one]);
      return;
    }
    this.#options.platform.log.error('the audit service refuses an event', { error });
    this.#lose(batch, error);
  }

  /** In their order while there is room for all; then those whom nobody knows have a part of it at most. */
  async #spoolBatch(batch: readonly Waiting[]): Promise<void> {
    const texts = batch.map(({ event }) => event.text);
    if (this.#options.spool.hasRoom(texts, ANONYMOUS_SHARE)) return this.#spoolPart(batch, ANONYMOUS_SHARE);
    await this.#spoolPart(batch.filter(({ event }) => !event.isAnonymous), 1); // prettier-ignore
    await this.#spoolPart(batch.filter(({ event }) => event.isAnonymous), ANONYMOUS_SHARE); // prettier-ignore
  }

  async #spoolPart(part: readonly Waiting[], shareOfRoom: number): Promise<void> {
    if (part.length === 0) return;
    try {
      await this.#appendInTime(part.map(({ event }) => event.text), shareOfRoom); // prettier-ignore
      this.#isSpooling = true; // the drain may have found the spool empty just before
      this.#drain.begin();
      this.#settle(part, 'spooled');
    } catch (error) {
      this.#lose(part, error);
    }
  }

  /** A disk that hangs must not hang requests: until it answers, nothing more is given to it. */
  async #appendInTime(texts: readonly string[], shareOfRoom: number): Promise<void> {
    const hangs = (): SecurityError => unavailable('the disk of the spool hangs');
    if (this.#appending !== undefined) throw hangs();
    const append = this.#options.spool.append(texts, shareOfRoom);
    this.#appending = append
      .catch(() => undefined)
      .then(() => {
        this.#appending = undefined;
      });
    await within(this.#options.platform.clock, SPOOL_DEADLINE_MS, hangs, () => append);
    await this.#appending;
  }

  #settle(batch: readonly Waiting[], path: 'direct' | 'spooled'): void {
    this.#total.inc({ path }, batch.length);
    for (const { resolve } of batch) resolve();
  }

  #lose(batch: readonly Waiting[], cause: unknown): void {
    this.#total.inc({ path: 'lost' }, batch.length);
    this.#losses.add(batch.map(({ event }) => event.n));
    for (const { resolve, reject } of batch)
      if (this.#options.mode === 'fail_open') resolve();
      else reject(toUnavailable(cause));
  }

  #admitGap(): void {
    const { mode, describeGap, platform } = this.#options;
    const gap = this.#losses.take(mode === 'fail_open');
    if (gap === undefined) return;
    platform.log.error('events are missing from the audit log', { count: gap.count });
    this.deliver(describeGap(gap)).catch((error: unknown) => {
      platform.log.error('a gap of the audit log could not be recorded', { count: gap.count, error });
    });
  }
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
