import { SecurityError } from '@aduana/subgraph';

interface Identified {
  readonly id: string;
}

/** Those who follow the leads as they change. */
export interface LeadChanges<Lead extends Identified> {
  publish(lead: Lead): void;
  /**
   * The leads that change from now on, in order.
   *
   * @param id of the one lead to follow; undefined: all
   * @throws SecurityError `OVERLOADED`, from the iterator, for a reader that does not keep up: nothing is left out
   */
  follow(id: string | undefined): AsyncIterableIterator<Lead, void>;
  /** Breaks every stream off: this replica stops, or has missed changes. */
  breakOff(): void;
}

const MOST_WAITING = 1_000;

interface Follower<Lead> {
  readonly waiting: Lead[];
  wake: () => void;
  state: 'open' | 'closed' | 'behind' | 'stopped';
}

export function createLeadChanges<Lead extends Identified>(): LeadChanges<Lead> {
  const followers = new Set<Follower<Lead> & { readonly id: string | undefined }>();
  return {
    publish(lead) {
      for (const follower of followers) {
        if (follower.id !== undefined && follower.id !== lead.id) continue;
        if (follower.waiting.length >= MOST_WAITING) follower.state = 'behind';
        else follower.waiting.push(lead);
        follower.wake();
      }
    },
    follow(id) {
      const follower: Follower<Lead> & { readonly id: string | undefined } = {
        id,
        waiting: [],
        wake: () => undefined,
        state: 'open',
      };
      followers.add(follower);
      return readFollower(follower, () => followers.delete(follower));
    },
    breakOff() {
      for (const follower of followers) {
        follower.state = 'stopped';
        follower.wake();
      }
    },
  };
}

function readFollower<Lead>(follower: Follower<Lead>, leave: () => void): AsyncIterableIterator<Lead, void> {
  const close = (): Promise<IteratorResult<Lead, void>> => {
    leave();
    if (follower.state === 'open') follower.state = 'closed';
    follower.wake();
    return Promise.resolve({ done: true, value: undefined });
  };
  const reader: AsyncIterableIterator<Lead, void> = {
    async next() {
      while (follower.waiting.length === 0 && follower.state === 'open')
        await new Promise<void>((resolve) => (follower.wake = resolve));
      if (follower.state === 'behind') {
        leave();
        throw new SecurityError('OVERLOADED', { detail: 'a reader does not keep up' });
      }
      if (follower.state === 'stopped')
        throw new SecurityError('NOT_READY', { detail: 'this replica stops, or has missed changes' });
      const value = follower.state === 'open' ? follower.waiting.shift() : undefined;
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    },
    return: close,
    [Symbol.asyncIterator]: () => reader,
  };
  return reader;
}
