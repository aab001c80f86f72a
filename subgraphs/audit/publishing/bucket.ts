import { type ObjectStore, ObjectStoreError } from '@aduana/server-kit/object-store/object-store';

/** What became of an object that was to be in the bucket. */
export type ObjectOutcome = 'stored' | 'present' | 'removed';

export const TEXT_TYPE = 'text/plain; charset=utf-8';

/** A bucket in which an object, once there, is never replaced by another, but for those that are said to change. */
export class Bucket {
  readonly #store: ObjectStore;
  readonly #count: (outcome: ObjectOutcome) => void;
  /** What lies under the keys that change, as far as this life of the bucket has put it there. */
  readonly #changing = new Map<string, Buffer>();
  /** Whether the store looks at conditions: one that does not is asked what it has before each write. */
  #knowsConditions = false;

  constructor(store: ObjectStore, count: (outcome: ObjectOutcome) => void) {
    this.#store = store;
    this.#count = count;
  }

  /** Finds out whether the store looks at conditions, by a key whose object may be replaced. */
  async probe(key: string, body: Buffer): Promise<void> {
    const first = await this.#store.putNew(key, body, TEXT_TYPE);
    const answer = first === 'stored' ? await this.#store.putNew(key, body, TEXT_TYPE) : first;
    this.#knowsConditions = answer === 'held';
  }

  async read(key: string): Promise<Buffer | undefined> {
    return (await this.#store.get(key))?.body;
  }

  /**
   * Puts what never changes.
   *
   * @throws ObjectStoreError also where other bytes lie under the key
   */
  async putOnce(key: string, body: Buffer, contentType: string): Promise<void> {
    if (this.#knowsConditions && (await this.#store.putNew(key, body, contentType)) === 'stored') {
      this.#count('stored');
      return;
    }
    const held = await this.read(key);
    if (held === undefined) {
      await this.#store.put(key, body, contentType);
      this.#count('stored');
    } else if (held.equals(body)) this.#count('present');
    else
      throw new ObjectStoreError(
        `${this.#store.location} holds another ${key} than the log: remove it if it was damaged, or publish below another prefix`,
      );
  }

  /** Puts what changes, where it differs from what was put before. */
  async putChanging(key: string, body: Buffer, contentType = TEXT_TYPE): Promise<void> {
    if (this.#changing.get(key)?.equals(body) === true) return;
    await this.#store.put(key, body, contentType);
    this.#changing.set(key, body);
    this.#count('stored');
  }

  async remove(key: string): Promise<void> {
    await this.#store.remove(key);
    this.#count('removed');
  }

  /** Removes what lies below a key that ends with a slash. */
  async removeBelow(key: string): Promise<void> {
    for (const below of await this.#store.list(key)) await this.remove(below);
  }

  close(): void {
    this.#store.close();
  }
}
