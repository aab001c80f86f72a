/** One event on its way, already in its final text. */
export interface OutgoingEvent {
  readonly n: number;
  readonly text: string;
  /** Such events may fill a quarter of the spool at most. */
  readonly isAnonymous: boolean;
}

/** An event whose sender waits. */
export interface WaitingEvent {
  readonly event: OutgoingEvent;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const MAX_EVENTS = 1000;
const MAX_CHARACTERS = 786_432;

/** The oldest events that fit one body, and the rest. */
export function takeBatch(waiting: WaitingEvent[]): [WaitingEvent[], WaitingEvent[]] {
  let characters = 0;
  let count = 0;
  for (const { event } of waiting) {
    characters += event.text.length + 1;
    if (count > 0 && (count >= MAX_EVENTS || characters > MAX_CHARACTERS)) break;
    count += 1;
  }
  return count === waiting.length ? [waiting, []] : [waiting.slice(0, count), waiting.slice(count)];
}

export function textsOf(batch: readonly WaitingEvent[]): readonly string[] {
  return batch.map(({ event }) => event.text);
}

export function numbersOf(batch: readonly WaitingEvent[]): readonly number[] {
  return batch.map(({ event }) => event.n);
}
