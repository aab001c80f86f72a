import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { BodyBudget } from '@aduana/core/http/body-budget';
import type { Timer } from '@aduana/core/platform/clock';
import { FrameMeter } from '../limits/frame-meter.ts';

export interface MessageRoomOptions {
  readonly socket: WebSocket;
  /** What brings its bytes. */
  readonly stream: Duplex;
  /** What bodies of requests and messages may take together. */
  readonly bodies: BodyBudget;
  /** Of the largest message. */
  readonly messageBytes: number;
  /** Whose messages they are; undefined while that is not known. */
  readonly owner: () => string | undefined;
  readonly onRefuse: (error: SecurityError) => void;
}

/** What `ws` calls messages that are larger than one may be, or in more parts. */
const OVER_LIMIT: ReadonlySet<string> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_TOO_MANY_BUFFERED_PARTS',
]);
/** What may be read together with the parts of a message, and stays in memory with them. */
const BESIDE_BYTES = 262_144;
/** Of a connection whose client is not known: its credentials. The same of one that is being closed. */
const MOST_UNOWNED_BYTES = 65_536;

/** The room that messages of one connection take until they are handled, and the time that they may take to arrive. */
export class MessageRoom {
  readonly #options: MessageRoomOptions;
  readonly #meter = new FrameMeter();
  /** What one message may take. */
  readonly #most: number;
  #unowned = 0;
  #taken = 0;
  #owner = '';
  #arrival: Timer | undefined;

  constructor(options: MessageRoomOptions) {
    this.#options = options;
    this.#most = 2 * options.messageBytes + BESIDE_BYTES;
    options.stream.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    options.socket.on('error', (error) => {
      if (isOverLimit(error)) this.#refuse(new SecurityError('PAYLOAD_TOO_LARGE'));
    });
    options.socket.once('close', () => {
      this.complete();
    });
  }

  /** The message that was arriving is whole. */
  complete(): void {
    if (this.#taken > 0) this.#options.bodies.give(this.#taken, this.#owner);
    this.#taken = 0;
    this.#expectNothing();
  }

  /**
   * Keeps room for a message while it is carried out.
   *
   * @returns gives it back
   * @throws SecurityError `CONCURRENCY_LIMITED` or `OVERLOADED`
   */
  hold(bytes: number): () => void {
    const { bodies, owner } = this.#options;
    const own = owner();
    bodies.take(bytes, own);
    return () => {
      bodies.give(bytes, own);
    };
  }

  /** What came while nobody was known counts from now on. */
  own(): void {
    const owner = this.#options.owner();
    if (owner !== undefined) this.#hold(owner);
  }

  /** Nothing is read until `resume`, and no message has to arrive meanwhile. */
  pause(): void {
    this.#options.socket.pause();
    this.#expectNothing();
  }

  resume(): void {
    const { socket } = this.#options;
    if (!socket.isPaused) return;
    socket.resume();
    this.own();
  }

  #receive(chunk: Buffer): void {
    const { socket } = this.#options;
    const owner = this.#options.owner();
    this.#meter.read(chunk);
    if (socket.readyState === WebSocket.OPEN && owner !== undefined) this.#hold(owner);
    else if ((this.#unowned += chunk.length) > MOST_UNOWNED_BYTES) socket.terminate();
  }

  #hold(owner: string): void {
    const { held } = this.#meter;
    try {
      this.#take(held, owner);
    } catch (error) {
      this.#refuse(error as SecurityError);
      return;
    }
    if (held === 0) this.#expectNothing();
    else if (!this.#options.socket.isPaused) this.#expectRest();
  }

  #take(held: number, owner: string): void {
    const { bodies } = this.#options;
    if (held > Math.min(bodies.largestBytes, this.#most)) throw new SecurityError('PAYLOAD_TOO_LARGE');
    if (this.#taken === 0) this.#owner = owner;
    if (held > this.#taken) bodies.take(held - this.#taken, this.#owner);
    else bodies.give(this.#taken - held, this.#owner);
    this.#taken = held;
  }

  #expectRest(): void {
    this.#arrival ??= this.#options.bodies.watch(
      () => this.#meter.held,
      (error) => {
        this.#refuse(error);
      },
    );
  }

  #expectNothing(): void {
    this.#arrival?.cancel();
    this.#arrival = undefined;
  }

  #refuse(error: SecurityError): void {
    this.#expectNothing();
    this.#options.onRefuse(error);
  }
}

function isOverLimit(error: Error): boolean {
  return 'code' in error && OVER_LIMIT.has(String(error.code));
}
