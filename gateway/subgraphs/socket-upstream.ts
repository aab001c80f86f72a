import type { WebSocket } from 'ws';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock, Timer } from '@aduana/core/platform/clock';
import { createSecondCounter } from './count-per-second.ts';
import { describeErrors } from './describe-errors.ts';
import { parsedBytes } from '../limits/parsed-bytes.ts';
import {
  COMPLETE,
  INIT,
  PONG,
  readServerMessage,
  type ServerMessage,
  subscribeMessage,
} from './socket-messages.ts';
import type { Upstream, UpstreamListener } from './upstream.ts';

export interface SocketUpstreamOptions {
  /** One that is being opened, and is used for nothing else. */
  readonly socket: WebSocket;
  /** The JSON of the request, `{"query":...,"variables":...}`. */
  readonly body: string;
  /** Until the subgraph has acknowledged the connection. */
  readonly timeoutMs: number;
  /** Abandons that wait. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface Settle {
  readonly resolve: (isAdmitted: boolean) => void;
  readonly reject: (error: Error) => void;
}

type Code = 'SUBGRAPH_ERROR' | 'SUBGRAPH_UNAVAILABLE' | 'OVERLOADED';

/**
 * Both those of the protocol and those of WebSocket, and what answers them: beside one byte of a message, all that was read
 * together with it stays in memory until the message is whole.
 */
const MOST_PINGS_PER_SECOND = 100;
const HEARTBEAT_MS = 15_000;
/** Answers to pings that a subgraph does not read. */
const MOST_UNREAD_BYTES = 65_536;
const LAST_WORDS_MS = 2_000;
/** Close codes that say that something was wrong with what was said; any other means that the subgraph is away. */
const COMPLAINTS: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/** A subgraph's stream over a WebSocket of its own (graphql-transport-ws, PROTOCOL). */
export class SocketUpstream implements Upstream {
  readonly #options: SocketUpstreamOptions;
  /** Until it is acknowledged; then, until it is asked whether it is still there. */
  #timer: Timer;
  #heardAt: number;
  readonly #abandon = (): void => {
    this.fail('SUBGRAPH_UNAVAILABLE', 'the stream was abandoned by its caller');
  };
  #state: 'opening' | 'acknowledged' | 'running' | 'over' = 'opening';
  #listener: UpstreamListener | undefined;
  /** Before anybody listened. */
  #failure: readonly [code: Code, detail: string] | undefined;
  readonly #areFewPings: ReturnType<typeof createSecondCounter>;
  /**
   * False where the subgraph does not take the token.
   *
   * @throws SecurityError `SUBGRAPH_UNAVAILABLE`, `SUBGRAPH_ERROR`
   */
  readonly opened: Promise<boolean>;
  #settle: Settle | undefined;

  constructor(options: SocketUpstreamOptions) {
    this.#options = options;
    const { clock, timeoutMs, signal } = options;
    this.opened = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#heardAt = clock.monotonic();
    this.#areFewPings = createSecondCounter(clock, MOST_PINGS_PER_SECOND);
    this.#timer = clock.after(timeoutMs, () => {
      this.fail('SUBGRAPH_UNAVAILABLE', 'no `connection_ack` in time');
    });
    signal.addEventListener('abort', this.#abandon, { once: true });
    this.#follow();
    if (signal.aborted) this.#abandon();
  }

  #follow(): void {
    const { socket, clock } = this.#options;
    socket.on('open', () => {
      socket.send(INIT);
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#heardAt = clock.monotonic();
      if (this.#state === 'over') return;
      try {
        const text = isBinary ? '' : data.toString('utf8');
        this.#take(readServerMessage(text), data.length + parsedBytes(text));
      } catch (error) {
        this.fail('SUBGRAPH_ERROR', messageOf(error)); // thrown out of here, it would end the process
      }
    });
    for (const event of ['ping', 'pong'] as const)
      socket.on(event, () => {
        this.#heardAt = clock.monotonic();
        this.#countPing();
      });
    socket.on('unexpected-response', (_request, { statusCode = 0 }) => {
      if (statusCode === 401) this.#refuse();
      else
        this.fail(
          statusCode >= 500 ? 'SUBGRAPH_UNAVAILABLE' : 'SUBGRAPH_ERROR',
          `status ${String(statusCode)} and no WebSocket`,
        );
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code, message } = error;
      const isComplaint = code === undefined || /^(WS_ERR_|HPE_)/.test(code);
      this.fail(isComplaint ? 'SUBGRAPH_ERROR' : 'SUBGRAPH_UNAVAILABLE', message);
    });
    socket.on('close', (code: number) => {
      if (code === 4401 && this.#state === 'opening') this.#refuse();
      else if (code >= 4400 && code < 4500) this.fail('SUBGRAPH_ERROR', closedWith(code));
      else this.fail(COMPLAINTS.has(code) ? 'SUBGRAPH_ERROR' : 'SUBGRAPH_UNAVAILABLE', closedWith(code));
    });
  }

  start(listener: UpstreamListener): void {
    this.#listener = listener;
    const failure = this.#failure;
    if (failure !== undefined)
      setImmediate(() => {
        listener.onFailure(...failure);
      });
    if (this.#state !== 'acknowledged') return;
    this.#state = 'running';
    this.#options.socket.send(subscribeMessage(this.#options.body));
  }

  pause(): void {
    this.#options.socket.pause();
  }

  resume(): void {
    this.#options.socket.resume();
  }

  close(): void {
    if (this.#state === 'over') return;
    const { socket } = this.#options;
    this.#end();
    socket.send(COMPLETE);
    this.#sayGoodbye();
    if (socket.isPaused) socket.terminate(); // it has sent more than anybody takes
  }

  #take(message: ServerMessage | undefined, bytes: number): void {
    const isRunning = this.#state === 'running';
    if (message?.type === 'ping' || message?.type === 'pong') {
      this.#countPing();
      if (message.type === 'ping') this.#pong();
    } else if (message?.type === 'connection_ack' && this.#state === 'opening') this.#acknowledge();
    else if (message?.type === 'next' && isRunning) this.#listener?.onResult(message.payload, bytes);
    else if (message?.type === 'complete' && isRunning) this.#complete();
    else if (message?.type === 'error' && isRunning)
      this.fail('SUBGRAPH_ERROR', `an error: ${JSON.stringify(describeErrors(message.payload))}`);
    else this.fail('SUBGRAPH_ERROR', 'what is no message of the protocol, or not at this time');
  }

  #acknowledge(): void {
    this.#state = 'acknowledged';
    this.#stopWaiting();
    this.#keepAlive();
    this.#settle?.resolve(true);
  }

  /** A silent connection may be broken, and proxies and firewalls on the way may drop it. */
  #keepAlive(): void {
    const { socket, clock } = this.#options;
    this.#timer = clock.after(HEARTBEAT_MS, () => {
      const quietMs = clock.monotonic() - this.#heardAt;
      if (socket.isPaused) this.#heardAt = clock.monotonic();
      else if (quietMs >= 2 * HEARTBEAT_MS) {
        this.fail('SUBGRAPH_UNAVAILABLE', 'it answers no pings');
        return;
      } else if (quietMs >= HEARTBEAT_MS) socket.ping();
      this.#keepAlive();
    });
  }

  #refuse(): void {
    if (this.#state === 'over') return;
    this.#end();
    this.#options.socket.terminate();
    this.#settle?.resolve(false);
  }

  #complete(): void {
    this.#end();
    this.#sayGoodbye();
    this.#listener?.onComplete();
  }

  #sayGoodbye(): void {
    const { socket, clock } = this.#options;
    const patience = clock.after(LAST_WORDS_MS, () => {
      socket.terminate();
    });
    socket.once('close', () => {
      patience.cancel();
    });
    socket.close(1000);
  }

  #pong(): void {
    const { socket } = this.#options;
    if (socket.bufferedAmount > MOST_UNREAD_BYTES)
      this.fail('SUBGRAPH_ERROR', 'it reads no answers to its pings');
    else socket.send(PONG);
  }

  #countPing(): void {
    if (!this.#areFewPings(1)) this.fail('SUBGRAPH_ERROR', 'too many pings');
  }

  /** Ends it as failed. */
  fail(code: Code, detail: string): void {
    const state = this.#state;
    if (state === 'over') return;
    this.#end();
    this.#options.socket.terminate();
    if (state === 'opening') this.#settle?.reject(new SecurityError(code, { detail }));
    else if (this.#listener === undefined) this.#failure = [code, detail];
    else this.#listener.onFailure(code, detail);
  }

  #end(): void {
    this.#state = 'over';
    this.#stopWaiting();
  }

  #stopWaiting(): void {
    this.#timer.cancel();
    this.#options.signal.removeEventListener('abort', this.#abandon);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function closedWith(code: number): string {
  return `the subgraph closed the connection with ${String(code)}, and without \`complete\``;
}
