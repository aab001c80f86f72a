/** A bucket of an object store, or what lies in it below a prefix. Every call ends within 30 s. */
export interface ObjectStore {
  /** As it is configured, such as `s3://bucket/prefix`. */
  readonly location: string;
  /** @returns undefined where there is no such object @throws ObjectStoreError */
  get(key: string): Promise<StoredObject | undefined>;
  /** Replaces what is there. @throws ObjectStoreError */
  put(key: string, body: Buffer, contentType: string): Promise<void>;
  /**
   * Writes only where nothing is (If-None-Match: `*`, RFC 9110 section 13.1.2). A store that does not look at the condition
   * replaces what is there and says `stored`.
   *
   * @throws ObjectStoreError
   */
  putNew(key: string, body: Buffer, contentType: string): Promise<ConditionalWrite>;
  /** At most 1000 keys that begin so. @throws ObjectStoreError */
  list(prefix: string): Promise<readonly string[]>;
  /** Removes an object; what is not there is removed. @throws ObjectStoreError */
  remove(key: string): Promise<void>;
  /** Ends the calls that are under way. */
  close(): void;
}

/** `held`: something is there, and stays; `unsupported`: the store refuses conditions, and nothing was written. */
export type ConditionalWrite = 'stored' | 'held' | 'unsupported';

export interface StoredObject {
  readonly body: Buffer;
  /** Milliseconds since the epoch; undefined where the store does not tell. */
  readonly modifiedAt: number | undefined;
}

/** A call that the store refused or did not answer; its message holds neither a credential nor what was stored. */
export class ObjectStoreError extends Error {
  override readonly name = 'ObjectStoreError';
}
