import type { SharedRoom } from './shared-room.ts';

/** What one answer or stream holds of a shared room. */
export class HeldBytes {
  readonly #room: SharedRoom;
  readonly #owner: string;
  #held = 0;

  constructor(room: SharedRoom, owner: string) {
    this.#room = room;
    this.#owner = owner;
  }

  /** @returns whether there was room for more */
  take(bytes: number): boolean {
    if (!this.#room.take(this.#owner, bytes)) return false;
    this.#held += bytes;
    return true;
  }

  /** @returns whether there is room for so many in all */
  set(bytes: number): boolean {
    const more = bytes - this.#held;
    if (more > 0) return this.take(more);
    this.#room.give(this.#owner, -more);
    this.#held = bytes;
    return true;
  }

  /** Gives all back. */
  release(): void {
    if (this.#held === 0) return;
    this.#room.give(this.#owner, this.#held);
    this.#held = 0;
  }
}
