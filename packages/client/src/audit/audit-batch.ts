import type { TraceContext } from '@aduana/core/platform/tracer';

/** One event on its way, already in its final text. */
export interface OutgoingEvent {
  readonly n: number;
  readonly text: string;
  /** The part of the spool that it may fill up to. */
  readonly shareOfRoom: number;
  /** Of the request that waits for it. */
  readonly trace?: TraceContext | undefined;
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

/** With the largest share of the room first, and in each part in their order. */
export function partsByShare(batch: readonly WaitingEvent[]): readonly (readonly WaitingEvent[])[] {
  const shares = [...new Set(batch.map(({ event }) => event.shareOfRoom))].sort((a, b) => b - a);
  return shares.map((share) => batch.filter(({ event }) => event.shareOfRoom === share));
}

export function textsOf(batch: readonly WaitingEvent[]): readonly string[] {
  return batch.map(({ event }) => event.text);
}

export function numbersOf(batch: readonly WaitingEvent[]): readonly number[] {
  return batch.map(({ event }) => event.n);
}
