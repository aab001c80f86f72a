import type { Clock } from './clock.ts';

/** A map that forgets: by age, and the least recently used beyond `capacity`. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined;
  /** @param expiresAt milliseconds since the epoch; without it only the capacity bounds the entry's life */
  set(key: string, value: Value, expiresAt?: number): void;
  delete(key: string): void;
  clear(): void;
  readonly size: number;
}

/** @param capacity entries; beyond it the one that was used longest ago is removed */
export function createBoundedCache<Value>(clock: Clock, capacity: number): BoundedCache<Value> {
  const entries = new Map<string, { value: Value; expiresAt: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      if (entry.expiresAt <= clock.now()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, expiresAt = Infinity) {
      entries.delete(key);
      entries.set(key, { value, expiresAt });
      if (entries.size > capacity) {
        for (const oldest of entries.keys()) {
          entries.delete(oldest);
          break;
        }
      }
    },
    delete: (key) => void entries.delete(key),
    clear: () => {
      entries.clear();
    },
    get size() {
      return entries.size;
    },
  };
}
