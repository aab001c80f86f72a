import type { WebSocket } from 'ws';
import { describeError } from '@aduana/core/platform/log';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import { errorResult } from '../streams/error-result.ts';
import type { StreamCaller } from '../streams/stream-caller.ts';
import { endsCaller, type StreamEnd } from '../streams/stream-end.ts';
import type { Supervised } from '../streams/stream-supervisor.ts';
import type { StreamClient } from '../streams/subscriber.ts';
import { type MessageRoom, roomOfNobody, watchStall } from './message-room.ts';
import { type ClientMessage, type Close, CLOSE, readMessage } from './messages.ts';
import { runSubscribe, type Sent } from './run-subscribe.ts';

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** The request that was upgraded. */
  readonly request: ServiceRequest;
  readonly dependencies: HandlerDependencies;
  readonly heartbeatMs: number;
  /** Who connects, by the upgrade's credentials or those sent over the connection; its event is durable. */
  readonly admit: (authorization: string | undefined) => Promise<Admitted>;
  /** Another token of the same subject, or false. */
  readonly replace: (caller: StreamCaller, authorization: string) => Promise<boolean>;
  /** The connection was refused before anybody was admitted. */
  readonly onRefuse: () => void;
  readonly onClose: () => void;
}

export interface Admitted {
  readonly caller: StreamCaller;
  readonly auditId: string;
  /** For its messages. */
  readonly room: MessageRoom;
}

interface Running {
  readonly controller: AbortController;
  leave: ((end?: StreamEnd) => void) | undefined;
}

const INIT_MS = 10_000;
const LAST_WORDS_MS = 2_000;
const MOST_OPENING = 100;
/** Pings with credentials that wait for the one before. */
const MOST_PINGS = 10;
const RENEW_BEFORE_MS = 20_000;
/** The caller has shown what does not let it go on. */
const REFUSED: StreamEnd = { reason: 'refused', code: 'UNAUTHENTICATED' };
/** Waiting for a client that does not read what it asked for. */
const MOST_WAITING_BYTES = 16_777_216;

/** One connection of `graphql-transport-ws` (graphql-ws, PROTOCOL). */
export class Connection implements Supervised {
  readonly #options: ConnectionOptions;
  readonly #running = new Map<string, Running>();
  #state: 'opened' | 'admitting' | 'admitted' | 'closed' = 'opened';
  #caller: StreamCaller | undefined;
  #room = roomOfNobody();
  readonly #isStalled: () => boolean;
  #opening = 0;
  #pings = 0;
  #pinging: Promise<void> = Promise.resolve();
  #heardAt: number;
  #spokeAt: number;
  #version = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, dependencies } = options;
    const { clock } = dependencies.platform;
    this.#heardAt = this.#spokeAt = clock.monotonic();
    this.#isStalled = watchStall(socket, clock);
    const patience = clock.after(INIT_MS, () => {
      if (this.#caller === undefined) this.#close(CLOSE.initTimeout);
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#heardAt = clock.monotonic();
      this.#room.complete();
      if (this.#state === 'closed') return;
      this.#take(isBinary ? undefined : readMessage(data.toString('utf8')), data.length);
    });
    socket.on('pong', () => (this.#heardAt = clock.monotonic()));
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => {
      patience.cancel();
      if (this.#state === 'opened') this.#options.onRefuse();
      this.#end(undefined);
    });
    dependencies.streams.supervisor.add(this);
  }

  /** Bytes have come in; false where there is no room for them. */
  arrive(bytes: number): boolean {
    return this.#room.arrive(bytes);
  }

  review(now: number): void {
    const { supervisor } = this.#options.dependencies.streams;
    const version = supervisor.version(now);
    const caller = this.#caller;
    if (caller === undefined || (version === this.#version && now < caller.expiresAt)) return;
    this.#version = version;
    const over = caller.judge(now);
    if (over !== undefined) this.#endCaller(over);
  }

  tick(now: number): void {
    this.review(now);
    const { socket, heartbeatMs, dependencies } = this.#options;
    const monotonic = dependencies.platform.clock.monotonic();
    if (this.#caller !== undefined && this.#caller.expiresAt - now <= RENEW_BEFORE_MS) this.#caller.renew();
    const isSilent = monotonic - this.#heardAt > 2 * heartbeatMs + LAST_WORDS_MS;
    if (isSilent || this.#room.isOverdue || this.#isStalled()) socket.terminate();
    else if (monotonic - this.#spokeAt >= heartbeatMs) {
      this.#spokeAt = monotonic;
      socket.ping();
    }
  }

  drain(): void {
    this.#close(CLOSE.goingAway, { reason: 'drain', code: 'STREAM_RESTART' });
  }

  /** Closes where nothing has been said yet; false where something has. */
  giveWay(): boolean {
    if (this.#state !== 'opened') return false;
    this.#close(CLOSE.initTimeout);
    return true;
  }

  #take(message: ClientMessage | undefined, bytes: number): void {
    switch (message?.type) {
      case 'connection_init':
        if (this.#state === 'opened') void this.#admit(message.payload);
        else this.#close(CLOSE.tooManyInits);
        break;
      case 'ping':
        this.#ping(authorizationOf(message.payload));
        break;
      case 'pong':
        break;
      case 'subscribe':
        this.#subscribe(message.id, message.payload, bytes);
        break;
      case 'complete':
        this.#stop(message.id);
        break;
      default:
        this.#close(CLOSE.badRequest);
    }
  }

  async #admit(payload: Readonly<Record<string, unknown>>): Promise<void> {
    this.#state = 'admitting';
    try {
      const { caller, auditId, room } = await this.#options.admit(authorizationOf(payload));
      if (this.#isClosed()) return;
      this.#caller = caller;
      this.#room = room;
      this.#state = 'admitted';
      this.#send({ type: 'connection_ack', payload: { auditId } });
      this.review(this.#options.dependencies.platform.clock.now());
    } catch (error) {
      this.#options.dependencies.platform.log.debug('a connection was refused', {
        error: describeError(error),
      });
      this.#close(CLOSE.unauthorized);
    }
  }

  /** A fresh token, before the one that there is ends: streams go on under it. */
  #ping(authorization: string | undefined): void {
    const caller = this.#caller;
    if (authorization === undefined) this.#send({ type: 'pong' });
    else if (caller === undefined) this.#close(CLOSE.unauthorized);
    else if (this.#pings >= MOST_PINGS) this.#close(CLOSE.tooManyPings, REFUSED);
    else {
      this.#pings += 1;
      this.#pinging = this.#pinging.then(() => this.#replace(caller, authorization));
    }
  }

  async #replace(caller: StreamCaller, authorization: string): Promise<void> {
    try {
      if (this.#isClosed()) return;
      if (await this.#options.replace(caller, authorization)) {
        this.#version = 0;
        this.review(this.#options.dependencies.platform.clock.now());
        this.#send({ type: 'pong' });
      } else this.#close(CLOSE.forbidden, REFUSED);
    } catch {
      this.#close(CLOSE.unauthorized, REFUSED);
    } finally {
      this.#pings -= 1;
    }
  }

  #subscribe(id: string, payload: unknown, bytes: number): void {
    const caller = this.#caller;
    if (caller === undefined) this.#close(CLOSE.unauthorized);
    else if (this.#running.has(id)) this.#close(CLOSE.subscriberExists);
    else {
      const running: Running = { controller: new AbortController(), leave: undefined };
      this.#running.set(id, running);
      this.#opening += 1;
      if (this.#opening >= MOST_OPENING) this.#options.socket.pause();
      const hold = (): (() => void) => this.#room.hold(bytes);
      void this.#run(id, { payload, hold }, caller, running);
    }
  }

  async #run(id: string, sent: Sent, caller: StreamCaller, running: Running): Promise<void> {
    const { request, dependencies } = this.#options;
    const { signal } = running.controller;
    const outcome = await runSubscribe(sent, caller, request, signal, dependencies);
    this.#opening -= 1;
    if (this.#opening < MOST_OPENING) this.#options.socket.resume();
    const isWanted = this.#running.get(id) === running;
    if (outcome.kind === 'stream') {
      const leave = outcome.stream.attach(this.#createClient(id, running));
      if (isWanted) running.leave = leave;
      else leave();
      return;
    }
    if (!isWanted) return;
    this.#running.delete(id);
    if (outcome.kind === 'refused') this.#send({ type: 'error', id, payload: outcome.errors });
    else {
      this.#sendText(`{"type":"next","id":${JSON.stringify(id)},"payload":${outcome.text}}`);
      this.#send({ type: 'complete', id });
    }
  }

  #createClient(id: string, running: Running): StreamClient {
    const { socket } = this.#options;
    const head = `{"type":"next","id":${JSON.stringify(id)},"payload":`;
    const isWanted = (): boolean => this.#running.get(id) === running;
    return {
      showsAuditId: true,
      get waitingBytes() {
        return socket.bufferedAmount;
      },
      next: (text) => {
        if (isWanted()) this.#sendText(`${head}${text}}`);
      },
      heartbeat: () => undefined, // the connection has its own
      end: (end) => {
        if (!isWanted()) return;
        this.#running.delete(id);
        if (endsCaller(end)) this.#endCaller(end);
        else if (end.reason === 'drain') this.drain();
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

  #stop(id: string): void {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.controller.abort(new Error('the client wants no more'));
    running?.leave?.();
  }

  #endCaller(end: StreamEnd): void {
    if (end.reason === 'expired') this.#close(CLOSE.forbidden, end);
    else this.#close(end.reason === 'revoked' ? CLOSE.unauthorized : CLOSE.internal, end);
  }

  #send(message: unknown): void {
    this.#sendText(JSON.stringify(message));
  }

  #sendText(text: string): void {
    const { socket } = this.#options;
    if (this.#state === 'closed') return;
    socket.send(text);
    if (socket.bufferedAmount > MOST_WAITING_BYTES) socket.terminate();
  }

  #close([code, reason]: Close, end?: StreamEnd): void {
    if (this.#state === 'closed') return;
    const { socket, dependencies } = this.#options;
    if (this.#caller === undefined && this.#state !== 'admitting') this.#options.onRefuse();
    this.#end(end);
    socket.close(code, reason);
    dependencies.platform.clock.after(LAST_WORDS_MS, () => {
      socket.terminate();
    });
  }

  #end(end: StreamEnd | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.dependencies.streams.supervisor.remove(this);
    const all = [...this.#running.values()];
    this.#running.clear();
    for (const { controller, leave } of all) {
      controller.abort(new Error('the connection is closed'));
      leave?.(end);
    }
    this.#room.close();
    this.#options.onClose();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

function authorizationOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  const value = payload['Authorization'] ?? payload['authorization'];
  return typeof value === 'string' ? value : undefined;
}
