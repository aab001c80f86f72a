import type { TLSSocket } from 'node:tls';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';
import type { DeadLetter, SentPart, ShippedEvent, Sink, SinkConnection } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';
import { openStream, write } from './stream-connection.ts';
import { syslogMessage } from './syslog-message.ts';

/** There is no acknowledgement: what the receiver had in its memory when it died is lost, so nothing counts before this. */
const SETTLED_MS = 5000;
/** A receiver that has read everything closes at once when we do. */
const CLOSE_DEADLINE_MS = 10_000;

/** Syslog over TLS with octet counting (RFC 5425 section 4.3). */
export function createSyslogSink(settings: SinkOf<'syslog_tls'>, host: string, clock: Clock): Sink {
  const open = (): Promise<TLSSocket> => openStream(settings, clock);
  return {
    connect: async (from) =>
      new SyslogConnection(await open(), { from, host, clock, open, limit: settings.max_message_bytes }),
  };
}

interface SyslogOptions {
  readonly from: number;
  readonly host: string;
  readonly clock: Clock;
  readonly open: () => Promise<TLSSocket>;
  readonly limit: number;
}

interface Written {
  /** What was written lies below. */
  readonly next: number;
  readonly at: number;
  isRead: boolean;
}

class SyslogConnection implements SinkConnection {
  readonly #options: SyslogOptions;
  #socket: TLSSocket;
  /** Oldest first. */
  readonly #written: Written[] = [];
  #settled: number;
  #proving: Promise<void> | undefined;
  #failure: Error | undefined;
  #isClosed = false;

  constructor(socket: TLSSocket, options: SyslogOptions) {
    this.#options = options;
    this.#settled = options.from;
    this.#socket = socket.resume(); // a receiver has nothing to say; reading shows its end
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
    await this.#proving;
    this.#assertAlive();
    await write(this.#socket, Buffer.concat(frames), clock);
    const last = events.at(-1);
    if (last !== undefined)
      this.#written.push({ next: last.position + 1, at: clock.monotonic(), isRead: false });
    return { taken: events.length, dead };
  }

  acknowledged(): number {
    this.#assertAlive();
    const before = this.#options.clock.monotonic() - SETTLED_MS;
    for (
      let oldest = this.#written[0];
      oldest?.isRead === true && oldest.at <= before;
      oldest = this.#written[0]
    ) {
      this.#settled = oldest.next;
      this.#written.shift();
    }
    const unread = this.#written.find(({ isRead }) => !isRead);
    if (unread !== undefined && unread.at <= before)
      this.#proving ??= this.#prove().finally(() => (this.#proving = undefined));
    return this.#settled;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#socket.destroy();
    return Promise.resolve();
  }

  #assertAlive(): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { destroyed, readableEnded } = this.#socket;
    if (this.#proving === undefined && (destroyed || readableEnded))
      throw new Error('the receiver has closed the connection');
  }

  /** A receiver that hangs takes megabytes into the buffers of its kernel: that it ends the connection after us shows that it has read them. */
  async #prove(): Promise<void> {
    const { clock, open } = this.#options;
    const late = (): Error => new Error('the receiver does not read');
    try {
      await within(clock, CLOSE_DEADLINE_MS, late, () => endInOrder(this.#socket));
      this.#socket.destroy();
      const socket = await open();
      if (this.#isClosed) socket.destroy();
      for (const written of this.#written) written.isRead = true;
      this.#socket = socket.resume();
    } catch (error) {
      this.#failure = error instanceof Error ? error : late();
    }
  }
}

function endInOrder(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('end', resolve);
    socket.once('close', () => {
      reject(new Error('the receiver has cut the connection'));
    });
    socket.end();
  });
}
