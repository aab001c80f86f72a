import type { IncomingMessage } from 'node:http';
import type { Health } from './health.ts';

/** Which answers end their connection, so that its client comes to another replica. */
export interface ConnectionEnds {
  /** Since `drain` or `stop`, every answer ends its connection. */
  readonly isDraining: boolean;
  /** Takes what a probe is answered, on which a balancer acts too, and returns it. */
  note(health: Health): Health;
  readonly drain: () => void;
  /** From now on also those of bodies that are still coming in. */
  stop(): void;
  endsConnection(message: IncomingMessage): boolean;
}

/**
 * A balancer on layer 4 chooses a replica for a connection, not for a request. So a replica that is not ready ends what was
 * connected to it while it was; who connects then was sent here for want of a better one, and stays.
 */
export function createConnectionEnds(): ConnectionEnds {
  const connectedWhileReady = new WeakSet<object>();
  let isReady = true;
  let isDraining = false;
  let isStopping = false;

  return {
    get isDraining() {
      return isDraining;
    },
    note(health) {
      isReady = health.status !== 'unavailable';
      return health;
    },
    drain() {
      isDraining = true;
    },
    stop() {
      isDraining = true;
      isStopping = true;
    },
    endsConnection({ complete, socket }) {
      if (isStopping) return true;
      // a connection is not ended while a body is coming in: its reset could overtake the answer
      if (isDraining || !isReady) return complete && (isDraining || connectedWhileReady.has(socket));
      connectedWhileReady.add(socket);
      return false;
    },
  };
}
