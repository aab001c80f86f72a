/** Execute, around one operation: ends everything that it waits for when its time is up or the client disconnects. */

import { type CancelSignal, Cancellation } from '@aduana/core/platform/cancellation';

/** All that one operation waits for: it ends when its time is up, or when the client leaves. */
export interface CancellationScope {
  /** Aborted if the operation is ended early. */
  readonly signal: CancelSignal;
  /** Waits no longer than the operation runs, whatever becomes of `pending`. */
  bound<Value>(pending: Promise<Value>): Promise<Value>;
  /** Calls `listener` if the operation is ended early; the returned function takes it back. */
  onEnd(listener: (reason: Error) => void): () => void;
  end(reason: Error): void;
  /** Calls `release` when the operation is over, at once if it is. */
  readonly keep: (release: () => void) => void;
  /** The operation is over: lets go of the client and of what was kept. */
  close(): void;
}

/** @param client aborted when the client disconnects */
export function openCancellationScope(client: CancelSignal): CancellationScope {
  const signal = new Cancellation();
  const listeners = new Set<(reason: Error) => void>();
  let ended: { readonly reason: Error } | undefined;
  const kept: (() => void)[] = [];
  let isClosed = false;
  const end = (reason: Error): void => {
    if (ended !== undefined) return;
    ended = { reason };
    for (const listener of listeners) listener(reason);
    signal.abort(reason);
  };
  const onAbort = (): void => {
    end(client.reason instanceof Error ? client.reason : new Error('the client left'));
  };
  if (client.aborted) onAbort();
  else client.addEventListener('abort', onAbort, { once: true });
  return {
    signal,
    end,
    onEnd(listener) {
      if (ended === undefined) listeners.add(listener);
      else listener(ended.reason);
      return () => listeners.delete(listener);
    },
    bound: (pending) =>
      new Promise((resolve, reject) => {
        if (ended === undefined) listeners.add(reject);
        else reject(ended.reason);
        const forget = () => listeners.delete(reject);
        pending.then(forget, forget);
        pending.then(resolve, reject);
      }),
    keep(release) {
      if (isClosed) release();
      else kept.push(release);
    },
    close() {
      isClosed = true;
      client.removeEventListener('abort', onAbort);
      for (const release of kept.splice(0)) release();
    },
  };
}
