/** Execute, around one operation: ends everything that it waits for when its time is up or the client disconnects. */

import { setMaxListeners } from 'node:events';

/** All that one operation waits for: it ends when its time is up, or when the client leaves. */
export interface CancellationScope {
  /** Waits no longer than the operation runs, whatever becomes of `pending`. */
  bound<Value>(pending: Promise<Value>): Promise<Value>;
  /** Calls `listener` if the operation is ended early; the returned function takes it back. */
  onEnd(listener: (reason: Error) => void): () => void;
  /** The same as a signal: made only where one is asked for, as it is costly. */
  signal(): AbortSignal;
  end(reason: Error): void;
  /** Lets go of the client. */
  close(): void;
}

/** @param client aborted when the client disconnects */
export function openCancellationScope(client: AbortSignal): CancellationScope {
  const listeners = new Set<(reason: Error) => void>();
  let ended: { readonly reason: Error } | undefined;
  let controller: AbortController | undefined;
  const end = (reason: Error): void => {
    if (ended !== undefined) return;
    ended = { reason };
    for (const listener of listeners) listener(reason);
    controller?.abort(reason);
  };
  const onAbort = (): void => {
    end(client.reason instanceof Error ? client.reason : new Error('the client left'));
  };
  const onEnd = (listener: (reason: Error) => void): (() => void) => {
    if (ended === undefined) listeners.add(listener);
    else listener(ended.reason);
    return () => listeners.delete(listener);
  };
  if (client.aborted) onAbort();
  else client.addEventListener('abort', onAbort, { once: true });
  return {
    onEnd,
    end,
    bound: (pending) =>
      new Promise((resolve, reject) => {
        const removeListener = onEnd((reason) => {
          reject(reason);
        });
        pending.finally(removeListener).then(resolve, reject);
      }),
    signal() {
      if (controller === undefined) {
        controller = new AbortController();
        setMaxListeners(0, controller.signal);
        if (ended !== undefined) controller.abort(ended.reason);
      }
      return controller.signal;
    },
    close() {
      client.removeEventListener('abort', onAbort);
    },
  };
}
