import { describeError, type Log } from '@aduana/core/platform/log';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { connectRedisForMessages } from './connect-redis.ts';

/** The bus over Redis publish/subscribe, which is trusted with nothing but waking readers. */
export function createRedisBus(url: string, prefix: string, log: Log): EventBus {
  const publisher = connectRedisForMessages(url, {});
  const subscriber = connectRedisForMessages(url, { autoResubscribe: true });
  const listeners = new Map<string, Set<() => void>>();
  for (const client of [publisher, subscriber])
    client.on('error', (error) => {
      log.debug('the bus is away', { error: describeError(error) });
    });
  subscriber.on('message', (channel) => {
    for (const listener of listeners.get(channel) ?? []) listener();
  });
  subscriber.on('ready', () => {
    for (const channel of listeners.keys()) subscriber.subscribe(channel).catch(() => undefined);
    for (const group of listeners.values()) for (const listener of group) listener(); // messages may have been missed
  });

  return {
    publish(topic) {
      publisher.publish(prefix + topic, '').catch(() => undefined);
    },
    subscribe(topic, listener) {
      const channel = prefix + topic;
      const group = listeners.get(channel) ?? new Set();
      group.add(listener);
      listeners.set(channel, group);
      if (subscriber.status === 'ready') subscriber.subscribe(channel).catch(() => undefined);
      return () => group.delete(listener);
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
