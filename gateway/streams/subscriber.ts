import type { Clock, Timer } from '@aduana/core/platform/clock';
import { closeRecord, messagesRecord, type RecordedStream } from '../audit/stream-records.ts';
import type { AuditGate } from './audit-gate.ts';
import type { StreamMessage } from './stream-message.ts';
import type { StreamEnd } from './stream-end.ts';

/** A client's side of one stream, in the words of its protocol. */
export interface StreamClient {
  readonly waitingBytes: number;
  /** The first message carries the id of the stream's `stream.open` event, where the protocol has no other place for it. */
  readonly showsAuditId: boolean;
  next(text: string): void;
  end(end: StreamEnd): void;
  /** Keeps the connection open. */
  heartbeat(): void;
}

export interface SubscriberOptions {
  readonly client: StreamClient;
  readonly recorded: RecordedStream;
  readonly gate: AuditGate;
  readonly clock: Clock;
  readonly bufferBytes: number;
  readonly heartbeatMs: number;
  readonly longestLifeMs: number | 'off';
  /** Called once. */
  readonly onEnd: (end: StreamEnd) => void;
}

const RECORD_AFTER_MS = 300;
const RECORD_EVERY_MS = 1_000;

/** One client's stream: numbers its messages, records them, and ends it where a bound is passed. */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #openedAt: number;
  #spokeAt: number;
  #total = 0;
  #recorded = 0;
  #nulled = 0;
  #refusals: Readonly<Record<string, unknown>> | undefined;
  #recordedAt = -Infinity;
  #timer: Timer | undefined;
  #isEnded = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#openedAt = this.#spokeAt = options.clock.monotonic();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  deliver(message: StreamMessage): void {
    if (this.#isEnded) return;
    const { client, bufferBytes, clock, recorded } = this.#options;
    if (client.waitingBytes > bufferBytes) {
      this.end({ reason: 'slow_client', code: 'STREAM_TOO_SLOW' });
      return;
    }
    this.#total += 1;
    this.#nulled += message.nulled;
    this.#spokeAt = clock.monotonic();
    client.next(message.text(this.#total === 1 && client.showsAuditId ? recorded.id : undefined));
    const wait = Math.max(RECORD_AFTER_MS, this.#recordedAt + RECORD_EVERY_MS - this.#spokeAt);
    this.#timer ??= clock.after(wait, () => {
      this.#record();
    });
  }

  /** What is refused has changed: the next record names it. */
  noteRefusals(refusals: Readonly<Record<string, unknown>>): void {
    this.#refusals = refusals;
  }

  tick(): void {
    const { client, clock, heartbeatMs, longestLifeMs, bufferBytes } = this.#options;
    const now = clock.monotonic();
    if (longestLifeMs !== 'off' && now - this.#openedAt >= longestLifeMs)
      this.end({ reason: 'lifetime', code: 'STREAM_RESTART' });
    else if (client.waitingBytes > bufferBytes) this.end({ reason: 'slow_client', code: 'STREAM_TOO_SLOW' });
    else if (now - this.#spokeAt >= heartbeatMs) {
      this.#spokeAt = now;
      client.heartbeat();
    }
  }

  end(end: StreamEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { client, gate, recorded, clock, onEnd } = this.#options;
    if (end.reason !== 'client_left') client.end(end);
    this.#record();
    gate.append(closeRecord(recorded, { total: this.#total, ...end }, clock.now()));
    onEnd(end);
  }

  #record(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#recorded === this.#total) return;
    const { gate, recorded, clock } = this.#options;
    const sent = {
      first: this.#recorded + 1,
      last: this.#total,
      nulled: this.#nulled,
      refused: this.#refusals ?? {},
    };
    this.#recorded = this.#total;
    this.#nulled = 0;
    this.#refusals = undefined;
    this.#recordedAt = clock.monotonic();
    gate.append(messagesRecord(recorded, sent, clock.now()));
  }
}
