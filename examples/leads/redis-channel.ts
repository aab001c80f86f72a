import type { Clock } from '@aduana/core/platform/clock';
import { uuid } from '@aduana/core/platform/ids';
import { within } from '@aduana/core/platform/within';
import { connectRedisForMessages } from '@aduana/server-kit/bus/connect-redis';
import { describeError, type Log, SecurityError } from '@aduana/subgraph';
import { z } from 'zod';
import { LEAD_STATUSES, type StepChannel, type StepListener } from './step-channel.ts';

export interface RedisChannelOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly name?: string;
}

const TIMEOUT_MS = 2_000;
const LONGEST_MESSAGE = 4_096;
const MESSAGE = z.strictObject({
  message: z.string(),
  step: z.strictObject({
    id: z.string(),
    status: z.enum(LEAD_STATUSES),
    changedAt: z.number(),
    idempotencyKey: z.string(),
  }),
});

/** Redis publish/subscribe: whoever may publish there can say that a lead has changed. */
export function createRedisChannel({
  url,
  clock,
  log,
  name = 'leads:steps',
}: RedisChannelOptions): StepChannel {
  const publisher = connectRedisForMessages(url, { commandTimeout: TIMEOUT_MS });
  const subscriber = connectRedisForMessages(url, { autoResubscribe: false });
  const listeners: StepListener[] = [];
  const returns = createReturns();
  let isOpen = false;
  const close = (): void => {
    isOpen = false;
    returns.failAll();
    for (const listener of listeners) listener.onGap();
  };
  const onError = (error: unknown): void => {
    log.debug('the channel of the replicas is away', { error: describeError(error) });
  };
  publisher.on('error', onError);
  subscriber.on('error', onError);
  subscriber.on('close', close);
  subscriber.on('ready', () => {
    void subscribe(subscriber, name, log).then((isSubscribed) => (isOpen = isSubscribed));
  });
  subscriber.on('message', (_channel, text) => {
    const received = readMessage(text);
    if (received === undefined)
      log.warn('what came over the channel of the replicas is none of its messages');
    else {
      for (const listener of listeners) listener.onStep(received.step);
      returns.note(received.message);
    }
  });
  return {
    get isOpen() {
      return isOpen;
    },
    listen: (listener) => void listeners.push(listener),
    async publish(step) {
      if (!isOpen) throw unavailable('Redis is away');
      const message = uuid();
      const returned = returns.wait(message);
      try {
        await within(clock, TIMEOUT_MS, () => unavailable('the step did not come back'), async () => {
          await Promise.all([returned, publisher.publish(name, JSON.stringify({ message, step }))]);
        }); // prettier-ignore
      } catch (error) {
        throw error instanceof SecurityError ? error : unavailable((error as Error).message);
      } finally {
        returns.forget(message);
      }
    },
    close() {
      close();
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

async function subscribe(
  subscriber: ReturnType<typeof connectRedisForMessages>,
  name: string,
  log: Log,
): Promise<boolean> {
  try {
    await subscriber.subscribe(name);
    return true;
  } catch (error) {
    log.error('the channel of the replicas cannot be read', { error: describeError(error) });
    return false;
  }
}

/** Messages that are on their way back to whoever sent them. */
function createReturns() {
  const waiting = new Map<
    string,
    { readonly resolve: () => void; readonly reject: (error: Error) => void }
  >();
  return {
    wait: (message: string) =>
      new Promise<void>((resolve, reject) => waiting.set(message, { resolve, reject })),
    note: (message: string) => waiting.get(message)?.resolve(),
    forget: (message: string) => waiting.delete(message),
    failAll() {
      for (const { reject } of waiting.values()) reject(unavailable('Redis is away'));
    },
  };
}

function readMessage(text: string): z.output<typeof MESSAGE> | undefined {
  if (text.length > LONGEST_MESSAGE) return undefined;
  try {
    return MESSAGE.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function unavailable(detail: string): SecurityError {
  return new SecurityError('NOT_READY', { detail });
}
