import type { WebSocket } from 'ws';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import { errorResult } from '../streams/error-result.ts';
import type { StreamCaller } from '../streams/stream-caller.ts';
import { endsCaller, type StreamEnd } from '../streams/stream-end.ts';
import type { StreamClient } from '../streams/subscriber.ts';
import type { MessageRoom } from './message-room.ts';
import { runSubscribe, type Sent, type SubscribeOutcome } from './run-subscribe.ts';

/** The connection over which operations come. */
export interface OperationsConnection {
  /** The request that was upgraded. */
  readonly request: ServiceRequest;
  readonly dependencies: HandlerDependencies;
  readonly socket: Pick<WebSocket, 'bufferedAmount'>;
  readonly room: Pick<MessageRoom, 'pause' | 'resume'>;
  readonly send: (text: string) => void;
  /** A stream ended for a reason that is the whole connection's. */
  readonly onEnd: (end: StreamEnd) => void;
}

interface Running {
  readonly controller: AbortController;
  leave: ((end?: StreamEnd) => void) | undefined;
}

const MOST_OPENING = 100;

/** The operations of one connection, by the ids that its client gave them. */
export class ConnectionOperations {
  readonly #connection: OperationsConnection;
  readonly #running = new Map<string, Running>();
  #opening = 0;

  constructor(connection: OperationsConnection) {
    this.#connection = connection;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  start(id: string, sent: Sent, caller: StreamCaller): void {
    const running: Running = { controller: new AbortController(), leave: undefined };
    this.#running.set(id, running);
    this.#opening += 1;
    if (this.#opening >= MOST_OPENING) this.#connection.room.pause();
    void this.#run(id, sent, caller, running);
  }

  stop(id: string): void {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.controller.abort(new Error('the client wants no more'));
    running?.leave?.();
  }

  stopAll(end: StreamEnd | undefined): void {
    const all = [...this.#running.values()];
    this.#running.clear();
    for (const { controller, leave } of all) {
      controller.abort(new Error('the connection is closed'));
      leave?.(end);
    }
  }

  async #run(id: string, sent: Sent, caller: StreamCaller, running: Running): Promise<void> {
    const { request, dependencies } = this.#connection;
    const { signal } = running.controller;
    const outcome = await runSubscribe(sent, caller, request, signal, dependencies);
    this.#opening -= 1;
    if (this.#opening < MOST_OPENING) this.#connection.room.resume();
    const isWanted = this.#running.get(id) === running;
    if (outcome.kind === 'stream') {
      const leave = outcome.stream.attach(this.#createClient(id, running));
      if (isWanted) running.leave = leave;
      else leave();
      return;
    }
    if (isWanted) this.#answer(id, outcome);
    if (outcome.kind === 'answer') outcome.onSent();
  }

  #answer(id: string, outcome: Exclude<SubscribeOutcome, { readonly kind: 'stream' }>): void {
    this.#running.delete(id);
    if (outcome.kind === 'refused') this.#send({ type: 'error', id, payload: outcome.errors });
    else {
      this.#connection.send(`{"type":"next","id":${JSON.stringify(id)},"payload":${outcome.text}}`);
      this.#send({ type: 'complete', id });
    }
  }

  #createClient(id: string, running: Running): StreamClient {
    const connection = this.#connection;
    const head = `{"type":"next","id":${JSON.stringify(id)},"payload":`;
    const isWanted = (): boolean => this.#running.get(id) === running;
    return {
      showsAuditId: true,
      get waitingBytes() {
        return connection.socket.bufferedAmount;
      },
      next: (text) => {
        if (isWanted()) connection.send(`${head}${text}}`);
      },
      heartbeat: () => undefined, // the connection has its own
      end: (end) => {
        if (!isWanted()) return;
        this.#running.delete(id);
        if (endsCaller(end) || end.reason === 'drain') connection.onEnd(end);
        else this.#sendEnd(id, end);
      },
    };
  }

  #sendEnd(id: string, end: StreamEnd): void {
    const error = errorResult(end);
    if (error === undefined) this.#send({ type: 'complete', id });
    else {
      const { errors } = JSON.parse(error) as { errors: unknown };
      this.#send({ type: 'error', id, payload: errors });
    }
  }

  #send(message: unknown): void {
    this.#connection.send(JSON.stringify(message));
  }
}
