/** Runs one task per key at a time: who asks while it runs gets the same answer, failure included. */
export function createSingleFlight<Value>(): (key: string, task: () => Promise<Value>) => Promise<Value> {
  const underWay = new Map<string, Promise<Value>>();
  return (key, task) => {
    const known = underWay.get(key);
    if (known !== undefined) return known;
    const started = task().finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  };
}
