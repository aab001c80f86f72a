import type { TLSSocket } from 'node:tls';
import type { Clock } from '@aduana/core/platform/clock';
import type { DeadLetter, SentPart, ShippedEvent, Sink, SinkConnection } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';
import { openStream, write } from './stream-connection.ts';
import { syslogMessage } from './syslog-message.ts';

/** There is no acknowledgement: what the receiver had taken when it died is lost, so nothing counts before this. */
const SETTLED_MS = 5000;

/** Syslog over TLS with octet counting (RFC 5425 section 4.3). */
export function createSyslogSink(settings: SinkOf<'syslog_tls'>, host: string, clock: Clock): Sink {
  return {
    connect: async (from) =>
      new SyslogConnection(await openStream(settings, clock), {
        from,
        host,
        clock,
        limit: settings.max_message_bytes,
      }),
  };
}

interface SyslogOptions {
  readonly from: number;
  readonly host: string;
  readonly clock: Clock;
  readonly limit: number;
}

class SyslogConnection implements SinkConnection {
  readonly #socket: TLSSocket;
  readonly #options: SyslogOptions;
  /** What was written and when, oldest first: what lies below `next`. */
  #written: { readonly next: number; readonly at: number }[] = [];
  #settled: number;

  constructor(socket: TLSSocket, options: SyslogOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#settled = options.from;
    socket.resume(); // a receiver has nothing to say; reading shows its end
  }

  async send(events: readonly ShippedEvent[]): Promise<SentPart> {
    const { host, clock, limit } = this.#options;
    const dead: DeadLetter[] = [];
    const frames: Buffer[] = [];
    for (const event of events) {
      const message = syslogMessage(event, host);
      if (message.length > limit)
        dead.push({ position: event.position, reason: 'longer than max_message_bytes' });
      else frames.push(Buffer.from(`${String(message.length)} `), message);
    }
    await write(this.#socket, Buffer.concat(frames), clock);
    const last = events.at(-1);
    if (last !== undefined) this.#written.push({ next: last.position + 1, at: clock.monotonic() });
    return { taken: events.length, dead };
  }

  acknowledged(): number {
    if (this.#socket.destroyed || this.#socket.readableEnded)
      throw new Error('the receiver has closed the connection');
    const before = this.#options.clock.monotonic() - SETTLED_MS;
    while ((this.#written[0]?.at ?? Infinity) <= before)
      this.#settled = this.#written.shift()?.next ?? this.#settled;
    return this.#settled;
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }
}
