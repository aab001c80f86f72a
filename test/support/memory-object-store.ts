import type { ObjectStore } from '@aduana/server-kit/object-store/object-store';
import { ObjectStoreError } from '@aduana/server-kit/object-store/object-store';
import type { SinkCursors } from '../../subgraphs/audit/shippers/sink-cursors.ts';

/** A bucket in memory. */
export interface MemoryObjectStore extends ObjectStore {
  readonly objects: Map<string, Buffer>;
  /** What was written and removed, in order, as `put checkpoint`. */
  readonly changes: string[];
  /** Writing and removing this key fails until it is undefined again. */
  failing: string | undefined;
}

export function createMemoryObjectStore(): MemoryObjectStore {
  const objects = new Map<string, Buffer>();
  const changes: string[] = [];
  const store: MemoryObjectStore = {
    location: 's3://memory',
    objects,
    changes,
    failing: undefined,
    get: (key) => {
      const body = objects.get(key);
      return Promise.resolve(body === undefined ? undefined : { body, modifiedAt: undefined });
    },
    put: (key, body) =>
      change(`put ${key}`, key, () => {
        objects.set(key, body);
      }),
    async putNew(key, body) {
      if (objects.has(key)) return 'held';
      await store.put(key, body, '');
      return 'stored';
    },
    list: (prefix) => Promise.resolve([...objects.keys()].filter((key) => key.startsWith(prefix))),
    remove: (key) =>
      change(`remove ${key}`, key, () => {
        objects.delete(key);
      }),
    close: () => undefined,
  };
  function change(name: string, key: string, apply: () => void): Promise<void> {
    if (key === store.failing) return Promise.reject(new ObjectStoreError(`no ${name}`));
    changes.push(name);
    apply();
    return Promise.resolve();
  }
  return store;
}

/** The cursors of one replica, in memory; `isElsewhere` while another one has the claim. */
export function createMemoryCursors(): SinkCursors & { isElsewhere: boolean } {
  const cursors = new Map<string, { seq: number; checkpointSize: number }>();
  const own = {
    isElsewhere: false,
    claim: (sink: string) =>
      Promise.resolve(own.isElsewhere ? undefined : (cursors.get(sink) ?? { seq: 0, checkpointSize: 0 })),
    advance(sink: string, cursor: { seq: number; checkpointSize: number }) {
      const { seq, checkpointSize } = cursors.get(sink) ?? { seq: 0, checkpointSize: 0 };
      cursors.set(sink, {
        seq: Math.max(seq, cursor.seq),
        checkpointSize: Math.max(checkpointSize, cursor.checkpointSize),
      });
      return Promise.resolve(!own.isElsewhere);
    },
    keep: () => Promise.resolve(!own.isElsewhere),
    release: () => Promise.resolve(),
  };
  return own;
}
