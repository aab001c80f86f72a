import { EventEmitter } from 'node:events';
import type { EventBus } from '@aduana/core/bus/event-bus';

/** The bus of a process that holds all services. */
export function createInProcessBus(): EventBus {
  const emitter = new EventEmitter({ captureRejections: false });
  emitter.setMaxListeners(0);
  return {
    publish: (topic) => {
      setImmediate(() => emitter.emit(topic));
    },
    subscribe(topic, listener) {
      emitter.on(topic, listener);
      return () => emitter.off(topic, listener);
    },
    connected: true,
    close: () => Promise.resolve(void emitter.removeAllListeners()),
  };
}
