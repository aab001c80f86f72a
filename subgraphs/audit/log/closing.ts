import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { createMutex } from '@aduana/core/platform/mutex';
import type { Database } from '@aduana/server-kit/store/database';
import { closeEndedInstances } from './close-ended-instances.ts';
import { LateBoots } from './late-boots.ts';

export interface ClosingOptions {
  readonly reader: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** The audit service's own line to the log. */
  readonly own: () => AuditSink;
  /** Stops of sources from that entry on may have left something open that is not recorded yet. */
  readonly stopsFrom: number;
  /** Whether something is held that may yet end what looks open. */
  readonly awaitsHeld: () => boolean;
}

const CLOSE_AGAIN_MS = 10_000;
const HELD_AGAIN_MS = 500;
const HELD_ROUNDS = 20;

/** Closes boots that have ended: one closing runs, and at most one waits, which sees what comes until it begins. */
export class Closing {
  readonly #options: ClosingOptions;
  readonly #inTurn = createMutex();
  /** Boots of which something came that was held. */
  readonly #late = new LateBoots();
  #stopsFrom: number;
  #isQueued = false;
  /** When a boot that is not closed yet is tried again, by the next event that comes. */
  #againAt = Infinity;

  constructor(options: ClosingOptions) {
    this.#options = options;
    this.#stopsFrom = options.stopsFrom;
  }

  /** Of events that came at once. */
  hear(hasEnded: boolean): void {
    if (hasEnded || this.#isDueAgain()) this.#closeLater();
  }

  /** Of events that were held: their boots may have ended before, and are looked at once nothing is held, or no more fit. */
  hearLate(peer: string, bootIds: readonly string[]): void {
    const isFull = this.#late.add(peer, bootIds);
    if (isFull && (this.#againAt === Infinity || this.#isDueAgain())) this.#closeLater();
  }

  closeLate(): void {
    if (!this.#late.isEmpty) this.#closeLater();
  }

  settle(): Promise<void> {
    return this.#inTurn(() => Promise.resolve());
  }

  #isDueAgain(): boolean {
    return this.#options.clock.monotonic() >= this.#againAt;
  }

  #closeLater(): void {
    const { clock, log } = this.#options;
    this.#againAt = Infinity;
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#inTurn(async () => {
      await this.#untilNothingIsHeld().finally(() => {
        this.#isQueued = false;
      });
      await this.#close();
    }).catch((error: unknown) => {
      this.#againAt = clock.monotonic() + CLOSE_AGAIN_MS;
      log.warn('an earlier boot could not be closed in the log', { error });
    });
  }

  async #untilNothingIsHeld(): Promise<void> {
    const { clock, awaitsHeld } = this.#options;
    for (let round = 0; round < HELD_ROUNDS && awaitsHeld(); round += 1) await clock.sleep(HELD_AGAIN_MS);
  }

  async #close(): Promise<void> {
    const { reader, own, clock } = this.#options;
    const taken = this.#late.take();
    const late = [...taken.values()].flatMap((ofPeer) => [...ofPeer]);
    try {
      const { stopsFrom, hasMore } = await closeEndedInstances({
        reader,
        sink: own(),
        stopsFrom: this.#stopsFrom,
        late,
      });
      this.#stopsFrom = stopsFrom;
      if (hasMore) this.#againAt = clock.monotonic() + CLOSE_AGAIN_MS;
    } catch (error) {
      this.#late.putBack(taken);
      throw error;
    }
  }
}
