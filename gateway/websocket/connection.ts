import type { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import { describeError } from '@aduana/core/platform/log';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import { callerKey } from '../limits/caller-key.ts';
import type { UnreadAnswer } from '../limits/caller-limits.ts';
import { FEW_CHARACTERS } from '../limits/miss-budget.ts';
import type { Delegated } from '../stages.ts';
import type { StreamCaller } from '../streams/stream-caller.ts';
import type { StreamEnd } from '../streams/stream-end.ts';
import type { Supervised } from '../streams/stream-supervisor.ts';
import type { Admission } from './admit-connection.ts';
import { ConnectionOperations } from './connection-operations.ts';
import { FreshCredentials } from './fresh-credentials.ts';
import { MessageRoom, type MessageRoomOptions } from './message-room.ts';
import { authorizationOf, type ClientMessage, type Close, CLOSE, closeOf, readMessage } from './messages.ts';
import { watchStall } from './watch-stall.ts';

export interface ConnectionOptions extends Pick<MessageRoomOptions, 'socket' | 'stream' | 'bodies'> {
  /** The request that was upgraded. */
  readonly request: ServiceRequest;
  /** By the credentials of the upgrade; undefined where there were none. */
  readonly shown: Delegated | undefined;
  readonly dependencies: HandlerDependencies;
  readonly heartbeatMs: number;
  readonly admission: Admission;
}

const INIT_MS = 10_000;
const PONG_MS = 2_000;
const RENEW_BEFORE_MS = 20_000;
/** Waiting for a client that does not read what it asked for. */
const MOST_WAITING_BYTES = 16_777_216;

/** One connection of `graphql-transport-ws` (graphql-ws, PROTOCOL). */
export class Connection implements Supervised {
  readonly #options: ConnectionOptions;
  readonly #room: MessageRoom;
  readonly #operations: ConnectionOperations;
  readonly #credentials: FreshCredentials;
  readonly #isStalled: () => boolean;
  #state: 'opened' | 'admitting' | 'admitted' | 'closed' = 'opened';
  #caller: StreamCaller | undefined;
  #unread: UnreadAnswer | undefined;
  /** Whose messages come; the same, whatever token it shows. */
  #owner: string | undefined;
  #heardAt: number;
  #spokeAt: number;
  #version = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { dependencies, shown } = options;
    this.#owner = shown && callerKey(shown.caller);
    this.#heardAt = this.#spokeAt = dependencies.platform.clock.monotonic();
    this.#room = new MessageRoom({
      ...options,
      messageBytes: dependencies.limits.bodyBytes,
      owner: () => this.#owner,
      onRefuse: (error) => {
        this.#refuse(error);
      },
    });
    this.#operations = new ConnectionOperations({
      ...options,
      room: this.#room,
      send: (text) => {
        this.#sendText(text);
      },
      onEnd: (end) => {
        this.#endCaller(end);
      },
    });
    this.#credentials = new FreshCredentials({
      replace: options.admission.replace,
      isClosed: this.#isClosed,
      onReplaced: () => {
        this.#goOn();
      },
      onRefuse: (close, end) => {
        this.#close(close, end);
      },
    });
    this.#isStalled = watchStall(options.socket, dependencies.platform.clock);
    this.#listen();
    dependencies.streams.supervisor.add(this);
  }

  #listen(): void {
    const { socket, dependencies, admission } = this.#options;
    const { clock } = dependencies.platform;
    const patience = clock.after(INIT_MS, () => {
      if (this.#caller === undefined) this.#close(CLOSE.initTimeout);
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#heardAt = clock.monotonic();
      this.#room.complete();
      if (this.#state === 'closed') return;
      let message: ClientMessage | undefined;
      try {
        message = isBinary ? undefined : this.#read(data);
      } catch (error) {
        this.#refuse(toSecurityError(error));
        return;
      }
      this.#take(message, data.length);
    });
    socket.on('pong', () => (this.#heardAt = clock.monotonic()));
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => {
      patience.cancel();
      if (this.#state === 'opened') admission.onRefuse();
      this.#end(undefined);
      this.#unread?.release();
    });
  }

  /** @throws SecurityError `RATE_LIMITED` */
  #read(data: Buffer): ClientMessage | undefined {
    const { dependencies, shown } = this.#options;
    const read = () => readMessage(data.toString('utf8'));
    const { caller } = this.#caller?.delegated ?? shown ?? {};
    const isMuch = data.length > FEW_CHARACTERS && caller !== undefined;
    return isMuch ? dependencies.budget.spend(caller, read) : read();
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
    this.#unread?.set(socket.bufferedAmount);
    const isSilent = monotonic - this.#heardAt > 2 * heartbeatMs + PONG_MS;
    if (isSilent || this.#isStalled()) socket.terminate();
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
        this.#operations.stop(message.id);
        break;
      default:
        this.#close(CLOSE.badRequest);
    }
  }

  async #admit(payload: Readonly<Record<string, unknown>>): Promise<void> {
    this.#state = 'admitting';
    try {
      const { caller, auditId } = await this.#options.admission.admit(authorizationOf(payload));
      if (this.#isClosed()) return;
      this.#caller = caller;
      this.#unread = this.#options.dependencies.callers.keepUnread(caller.delegated.caller);
      this.#owner = callerKey(caller.delegated.caller);
      this.#state = 'admitted';
      this.#room.own();
      this.#send({ type: 'connection_ack', payload: { auditId } });
      this.review(this.#options.dependencies.platform.clock.now());
    } catch (error) {
      this.#options.dependencies.platform.log.debug('a connection was refused', {
        error: describeError(error),
      });
      this.#close(CLOSE.unauthorized);
    }
  }

  #ping(authorization: string | undefined): void {
    const caller = this.#caller;
    if (authorization === undefined) this.#send({ type: 'pong' });
    else if (caller === undefined) this.#close(CLOSE.unauthorized);
    else this.#credentials.take(caller, authorization);
  }

  #goOn(): void {
    this.#version = 0;
    this.review(this.#options.dependencies.platform.clock.now());
    this.#send({ type: 'pong' });
  }

  #subscribe(id: string, payload: unknown, bytes: number): void {
    const caller = this.#caller;
    if (caller === undefined) this.#close(CLOSE.unauthorized);
    else if (this.#operations.has(id)) this.#close(CLOSE.subscriberExists);
    else this.#operations.start(id, { payload, hold: () => this.#room.hold(bytes) }, caller);
  }

  #endCaller(end: StreamEnd): void {
    if (end.reason === 'drain') this.drain();
    else if (end.reason === 'expired') this.#close(CLOSE.forbidden, end);
    else this.#close(end.reason === 'revoked' ? CLOSE.unauthorized : CLOSE.internal, end);
  }

  #send(message: unknown): void {
    this.#sendText(JSON.stringify(message));
  }

  #sendText(text: string): void {
    const { socket } = this.#options;
    if (this.#state === 'closed') return;
    socket.send(text);
    this.#unread?.set(socket.bufferedAmount);
    const isBehind = socket.bufferedAmount > 0 && this.#unread?.isTooMuch === true;
    if (isBehind || socket.bufferedAmount > MOST_WAITING_BYTES) socket.terminate();
  }

  #close([code, reason]: Close, end?: StreamEnd): void {
    if (this.#state === 'closed') return;
    if (this.#caller === undefined && this.#state !== 'admitting') this.#options.admission.onRefuse();
    this.#end(end);
    this.#options.socket.close(code, reason);
  }

  /** Of a message that is not whole yet. */
  #refuse(error: SecurityError): void {
    if (this.#state === 'closed') return;
    this.#options.admission.onRefuseMessage(error);
    this.#close(closeOf(error), { reason: 'failed', code: error.code });
  }

  #end(end: StreamEnd | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.dependencies.streams.supervisor.remove(this);
    this.#operations.stopAll(end);
    this.#options.admission.onClose();
  }

  readonly #isClosed = (): boolean => this.#state === 'closed';
}
