import { createConnection, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { AbstractConnector, type Redis, SentinelConnector } from 'ioredis';
import type { RedisAddress } from '../platform/redis-url.ts';
import { guardReplies } from './guard-replies.ts';

interface ServerOptions extends Partial<RedisAddress> {
  readonly tls?: ConnectionOptions;
  readonly disconnectTimeout?: number;
}
const DISCONNECT_TIMEOUT_MS = 2000;

/** As ioredis connects to one server, with guarded replies. */
export class GuardedConnector extends AbstractConnector {
  readonly #options: ServerOptions;

  constructor(options: unknown) {
    super((options as ServerOptions).disconnectTimeout ?? DISCONNECT_TIMEOUT_MS);
    this.#options = options as ServerOptions;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what throws, such as a port that is none, has to reject
  async connect(): Promise<Socket> {
    const { host = '', port = 0 } = this.address();
    const { tls } = this.#options;
    this.connecting = true;
    const stream = tls === undefined ? createConnection({ host, port }) : connectTls({ host, port, ...tls });
    this.stream = guardReplies(stream);
    this.stream.once('error', (error: Error) => (this.firstError = error));
    return this.stream;
  }

  protected address(): Partial<RedisAddress> {
    return this.#options;
  }
}

/** Each attempt goes to the next of several nodes. */
export function connectorToNext(
  addresses: readonly RedisAddress[],
): new (options: unknown) => AbstractConnector {
  return class extends GuardedConnector {
    #attempts = 0;

    protected override address(): Partial<RedisAddress> {
      return addresses[this.#attempts++ % addresses.length] ?? {};
    }
  };
}

type ConnectToSentinel = (endpoint: object, options?: object) => Redis;

/** As ioredis connects to the master that Sentinels name; the connections to the Sentinels are guarded too. */
export class GuardedSentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as ConstructorParameters<typeof SentinelConnector>[0]);
    const toSentinel = (Reflect.get(this, 'connectToSentinel') as ConnectToSentinel).bind(this);
    const guarded: ConnectToSentinel = (endpoint, more) =>
      toSentinel(endpoint, { ...more, Connector: GuardedConnector }).on('error', () => undefined);
    Reflect.set(this, 'connectToSentinel', guarded);
  }

  override async connect(...parameters: Parameters<SentinelConnector['connect']>) {
    return guardReplies(await super.connect(...parameters));
  }
}
