import { describeError } from '@aduana/core/platform/log';
import { createPaced, type Paced } from '@aduana/core/platform/paced';
import type { Platform } from '@aduana/core/platform/platform';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { connectRedisForMessages } from './connect-redis.ts';

/** Between two wake-ups of a reader: whoever can write to Redis makes nobody read more often than this. */
const LEAST_PAUSE_MS = 250;

/** The bus over Redis publish/subscribe, which is trusted with nothing but waking readers now and then. */
export function createRedisBus(
  url: string,
  prefix: string,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): EventBus {
  const publisher = connectRedisForMessages(url, {});
  const subscriber = connectRedisForMessages(url, { autoResubscribe: true });
  const listeners = new Map<string, Set<Paced>>();
  for (const client of [publisher, subscriber])
    client.on('error', (error) => {
      log.debug('the bus is away', { error: describeError(error) });
    });
  subscriber.on('message', (channel) => {
    for (const listener of listeners.get(channel) ?? []) listener.call();
  });
  subscriber.on('ready', () => {
    for (const channel of listeners.keys()) subscriber.subscribe(channel).catch(() => undefined);
    for (const group of listeners.values()) for (const listener of group) listener.call(); // messages may have been missed
  });

  return {
    publish(topic) {
      publisher.publish(prefix + topic, '').catch(() => undefined);
    },
    subscribe(topic, listener) {
      const channel = prefix + topic;
      const group = listeners.get(channel) ?? new Set();
      const paced = createPaced(clock, LEAST_PAUSE_MS, listener);
      group.add(paced);
      listeners.set(channel, group);
      if (subscriber.status === 'ready') subscriber.subscribe(channel).catch(() => undefined);
      return () => {
        group.delete(paced);
        paced.stop();
      };
    },
    get connected() {
      return subscriber.status === 'ready';
    },
    close() {
      publisher.disconnect();
      subscriber.disconnect();
      return Promise.resolve();
    },
  };
}
