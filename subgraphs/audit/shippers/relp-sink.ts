import type { TLSSocket } from 'node:tls';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';
import type { DeadLetter, SentPart, ShippedEvent, Sink, SinkConnection } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';
import { openStream, write } from './stream-connection.ts';
import { syslogMessage } from './syslog-message.ts';

const OFFER = 'relp_version=0\nrelp_software=aduana\ncommands=syslog';
const WINDOW = 128;
const ANSWER_TIMEOUT_MS = 30_000;
const MAX_TRANSACTION = 999_999_999;
const MAX_ANSWER_BYTES = 65_536;

/** The Reliable Event Logging Protocol over TLS: the receiver acknowledges each message. */
export function createRelpSink(settings: SinkOf<'relp_tls'>, host: string, clock: Clock): Sink {
  return {
    async connect(from) {
      const connection = new RelpConnection(await openStream(settings, clock), {
        from,
        host,
        clock,
        limit: settings.max_message_bytes,
      });
      await connection.open();
      return connection;
    },
  };
}

interface RelpOptions {
  readonly from: number;
  readonly host: string;
  readonly clock: Clock;
  readonly limit: number;
}

interface Pending {
  /** Undefined for what is no event. */
  readonly next: number | undefined;
  isAnswered: boolean;
}

class RelpConnection implements SinkConnection {
  readonly #socket: TLSSocket;
  readonly #options: RelpOptions;
  /** By transaction number, oldest first. */
  readonly #pending = new Map<number, Pending>();
  #transaction = 0;
  #acknowledged: number;
  #input = Buffer.alloc(0);
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: TLSSocket, options: RelpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#acknowledged = options.from;
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('close', () => {
      this.#fail(new Error('the receiver has closed the connection'));
    });
  }

  async open(): Promise<void> {
    await this.#send('open', Buffer.from(OFFER), undefined);
    await this.#waitUntil(() => this.#pending.size === 0);
  }

  async send(events: readonly ShippedEvent[]): Promise<SentPart> {
    const dead: DeadLetter[] = [];
    for (const event of events) {
      const message = syslogMessage(event, this.#options.host);
      if (message.length > this.#options.limit) {
        dead.push({ position: event.position, reason: 'longer than max_message_bytes' });
        continue;
      }
      await this.#waitUntil(() => this.#pending.size < WINDOW);
      await this.#send('syslog', message, event.position + 1);
    }
    await this.#waitUntil(() => this.#pending.size === 0);
    const last = events.at(-1);
    if (last !== undefined) this.#acknowledged = last.position + 1;
    return { taken: events.length, dead };
  }

  acknowledged(): number {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#acknowledged;
  }

  close(): Promise<void> {
    this.#socket.end(`${String(this.#nextTransaction())} close 0\n`);
    this.#socket.destroySoon();
    return Promise.resolve();
  }

  async #send(command: string, data: Buffer, next: number | undefined): Promise<void> {
    const transaction = this.#nextTransaction();
    this.#pending.set(transaction, { next, isAnswered: false });
    const header = Buffer.from(`${String(transaction)} ${command} ${String(data.length)} `);
    await write(this.#socket, Buffer.concat([header, data, Buffer.from('\n')]), this.#options.clock);
  }

  #nextTransaction(): number {
    this.#transaction = this.#transaction >= MAX_TRANSACTION ? 1 : this.#transaction + 1;
    return this.#transaction;
  }

  async #waitUntil(holds: () => boolean): Promise<void> {
    const late = (): Error => new Error('the receiver does not answer');
    while (!holds()) {
      if (this.#failure !== undefined) throw this.#failure;
      await within(
        this.#options.clock,
        ANSWER_TIMEOUT_MS,
        late,
        () => new Promise<void>((resolve) => (this.#wake = resolve)),
      );
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #receive(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    for (let frame = readFrame(this.#input); frame !== undefined; frame = readFrame(this.#input)) {
      this.#input = this.#input.subarray(frame.end);
      if (frame.command === 'rsp') this.#answer(frame.transaction, frame.data);
      else if (frame.command === 'serverclose') this.#fail(new Error('the receiver closes the session'));
    }
    if (this.#input.length > MAX_ANSWER_BYTES) this.#fail(new Error('the receiver does not speak RELP'));
    this.#wake();
  }

  #answer(transaction: number, data: string): void {
    const pending = this.#pending.get(transaction);
    if (pending === undefined) return;
    if (!data.startsWith('200')) {
      this.#fail(new Error(`the receiver answered ${data.slice(0, 3)}`));
      return;
    }
    pending.isAnswered = true;
    for (const [number, oldest] of this.#pending) {
      if (!oldest.isAnswered) break;
      this.#pending.delete(number);
      this.#acknowledged = oldest.next ?? this.#acknowledged;
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** `TXNR SP COMMAND SP DATALEN [SP DATA] LF`; undefined while it is not complete. */
function readFrame(input: Buffer) {
  const header = /^\s*(\d{1,9}) ([a-z]{1,32}) (\d{1,9})(?=[ \n])/.exec(input.toString('latin1', 0, 64));
  if (header === null) return undefined;
  const [whole, transaction = '', command = '', length = ''] = header;
  const size = Number(length);
  const start = whole.length + (size > 0 ? 1 : 0);
  if (input.length < start + size + 1) return undefined;
  const data = input.toString('utf8', start, start + size);
  return { transaction: Number(transaction), command, data, end: start + size + 1 };
}
