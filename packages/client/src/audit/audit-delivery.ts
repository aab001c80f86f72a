import type { SpoolQueue } from './spool.ts';
import type { SecurityError } from '@aduana/core/errors/security-error';
import type { LogFields } from '@aduana/core/platform/log';
import type { Counter, HistogramSeries } from '@aduana/core/platform/metrics';
import { within } from '@aduana/core/platform/within';
import {
  numbersOf,
  type OutgoingEvent,
  partsByShare,
  takeBatch,
  textsOf,
  type WaitingEvent,
} from './audit-batch.ts';
import { type AuditDrain, createAuditDrain } from './audit-drain.ts';
import { createLosses, type Gap } from './audit-losses.ts';
import type { AuditPlatform } from './audit-platform.ts';
import { isCondemning, toUnavailable, unavailable } from './audit-refusals.ts';
import { type BatchPost, createBatchPost, POST_DEADLINE_MS, type PostEvents } from './batch-post.ts';

export interface DeliveryOptions {
  readonly post: PostEvents;
  readonly spool: SpoolQueue;
  readonly mode: 'fail_closed' | 'fail_open';
  readonly platform: AuditPlatform;
  /** The event that admits a gap. */
  readonly describeGap: (gap: Gap) => OutgoingEvent;
}

const MAX_WAITING = 20_000;
const SPOOL_DEADLINE_MS = 1500;
const START_UP_MS = 10_000;

/** Brings events to the service, or to the disk while it is away; a wait ends after about five seconds at worst. */
export class AuditDelivery {
  readonly #options: DeliveryOptions;
  readonly #total: Counter | undefined;
  readonly #durations: HistogramSeries | undefined;
  readonly #post: BatchPost;
  readonly #losses = createLosses();
  readonly #drain: AuditDrain;
  #waiting: WaitingEvent[] = [];
  #pumping: Promise<void> | undefined;
  #appending: Promise<void> | undefined;
  #isSpooling: boolean;
  /** Whether the last batch found no service. */
  #isAway = false;
  readonly #openedAt: number;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#openedAt = options.platform.clock.monotonic();
    const { spool, platform } = options;
    this.#post = createBatchPost(options.post, platform);
    this.#total = platform.metrics?.counter('aduana_audit_events_total');
    this.#durations = platform.metrics?.histogram('aduana_audit_append_duration_seconds').bind({});
    platform.metrics?.gauge('aduana_audit_spool_bytes', (gauge) => {
      gauge.set(spool.bytes);
    });
    platform.metrics?.gauge('aduana_audit_spool_limit_bytes', (gauge) => {
      gauge.set(spool.maxBytes);
    });
    this.#drain = createAuditDrain({
      spool,
      platform,
      isCondemning,
      post: (texts, signal) => this.#post.spooled(texts, signal),
      onRefused: () => {
        this.#losses.addDurable(1);
      },
      whenSpoolRests: () => this.#appending,
      onEmpty: () => {
        this.#isSpooling = this.#isAway = false;
        this.#log('the audit service takes events again');
        void this.admitGaps();
      },
    });
    this.#isSpooling = !spool.isEmpty;
    if (this.#isSpooling) this.#drain.begin();
  }

  /** Whether events go to the disk, until what lies there is sent. */
  get isSpooling(): boolean {
    return this.#isSpooling;
  }

  /** Whether events are refused until the service takes them again, since they go to no disk, or to one alone. */
  get isRefusing(): boolean {
    if (this.#spoolsNothing) return this.#isAway;
    return this.#options.spool.isRefusing === true && (this.#isAway || this.#isSpooling);
  }

  get #spoolsNothing(): boolean {
    return this.#options.spool.isOff === true;
  }

  /**
   * Resolves once the event is durable.
   *
   * @throws SecurityError `AUDIT_UNAVAILABLE`
   */
  deliver(event: OutgoingEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { event, since: this.#options.platform.clock.monotonic(), resolve, reject };
      if (this.#waiting.length >= MAX_WAITING) {
        this.#losses.add([event.n]);
        this.#refuse([entry], unavailable('too many events wait'));
      } else {
        this.#waiting.push(entry);
        this.#pumping ??= Promise.resolve().then(() => this.#pump());
      }
    });
  }

  /** Records what is lost since the last time; a loss that cannot be recorded now is told the next time. */
  async admitGaps(): Promise<void> {
    const { mode, describeGap, platform, spool } = this.#options;
    this.#losses.addDurable(spool.takeLost());
    for (const gap of this.#losses.take(mode === 'fail_open')) {
      platform.log.error('events are missing from the audit log', { count: gap.count });
      await this.deliver(describeGap(gap)).catch((error: unknown) => {
        this.#losses.restore(gap);
        platform.log.error('a gap of the audit log could not be recorded', { count: gap.count, error });
      });
    }
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

  async #place(batch: readonly WaitingEvent[]): Promise<void> {
    if (!this.#isSpooling && !this.#isLate(batch)) {
      try {
        await this.#post.waiting(batch);
        this.#isAway = false;
        this.#settle(batch, 'direct');
        void this.admitGaps();
        return;
      } catch (error) {
        if (isCondemning(error)) return this.#placeEach(batch, error);
        this.#isAway = true;
        this.#log(
          `the audit service does not take events: they ${this.#spoolsNothing ? 'are refused' : 'go to the spool'}`,
          { error },
        );
      }
    }
    if (!this.#spoolsNothing) this.#isSpooling = true;
    await this.#spoolBatch(batch);
  }

  /** What has waited for others that long does not wait for a slow service as well. */
  #isLate([oldest]: readonly WaitingEvent[]): boolean {
    return this.#options.platform.clock.monotonic() - (oldest?.since ?? 0) >= POST_DEADLINE_MS;
  }

  /** Finds the event for which the service refuses a batch. */
  async #placeEach(batch: readonly WaitingEvent[], error: unknown): Promise<void> {
    if (batch.length > 1) {
      for (const one of batch) await this.#place([one]);
      return;
    }
    this.#options.platform.log.error('the audit service refuses an event', { error });
    this.#losses.add(numbersOf(batch));
    this.#refuse(batch, error);
  }

  /** In their order while there is room for all; then those first that may fill the most of it. */
  async #spoolBatch(batch: readonly WaitingEvent[]): Promise<void> {
    const least = Math.min(...batch.map(({ event }) => event.shareOfRoom));
    if (this.#options.spool.hasRoom(textsOf(batch), least)) return this.#spoolPart(batch, least);
    for (const part of partsByShare(batch)) await this.#spoolPart(part, part[0]?.event.shareOfRoom ?? least);
  }

  /** A disk that hangs must not hang requests: until it answers, nothing more is given to it. */
  async #spoolPart(part: readonly WaitingEvent[], shareOfRoom: number): Promise<void> {
    if (part.length === 0) return;
    const { spool, platform } = this.#options;
    const hangs = (): SecurityError => unavailable('the disk of the spool hangs');
    const rests = this.#appending === undefined;
    const append = rests ? spool.append(textsOf(part), shareOfRoom) : Promise.reject(hangs());
    const settled = append.then(
      () => {
        this.#isSpooling = true; // the drain may have found the spool empty just before
        this.#drain.begin();
      },
      () => {
        this.#losses.add(numbersOf(part));
        if (rests && spool.isEmpty) this.#isSpooling = false; // nothing is drained whose end would say so
      },
    );
    this.#appending ??= settled.then(() => {
      this.#appending = undefined;
    });
    try {
      await within(platform.clock, SPOOL_DEADLINE_MS, hangs, () => append);
      this.#settle(part, 'spooled');
      if (spool.isReplicated === true) void this.admitGaps(); // who may be lost with its disk does not wait for the log
    } catch (error) {
      this.#refuse(part, error);
    }
  }

  #settle(batch: readonly WaitingEvent[], path: 'direct' | 'spooled'): void {
    this.#total?.inc({ path }, batch.length);
    const now = this.#options.platform.clock.monotonic();
    for (const { since, resolve } of batch) {
      this.#durations?.observe((now - since) / 1000);
      resolve();
    }
  }

  /** What hangs in a disk may still come to lie there: only what is known to be lost is a loss. */
  #refuse(batch: readonly WaitingEvent[], cause: unknown): void {
    this.#total?.inc({ path: 'lost' }, batch.length);
    for (const { resolve, reject } of batch)
      if (this.#options.mode === 'fail_open') resolve();
      else reject(toUnavailable(cause));
  }
}
