/**
 * Does work on each item, at most `limit` at once; after a failure, and once the signal aborts, nothing more is begun.
 *
 * @throws the first failure or the signal's reason, once all that was under way has ended
 */
export async function inParallel<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  async function takeTurns(): Promise<void> {
    while (failures.length === 0 && !signal.aborted) {
      const next = iterator.next();
      if (next.done === true) return;
      await work(next.value).catch((error: unknown) => void failures.push(error));
    }
  }
  await Promise.all(Array.from({ length: limit }, takeTurns));
  if (failures.length > 0) throw failures[0];
  signal.throwIfAborted();
}
