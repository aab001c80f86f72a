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
/** Fewer than the log takes at once. */
const MAX_VALUES = 120_000;
/** The shortest ones have a comma each. */
const CHARACTERS_OF_VALUE = 2;
const [COMMA, LIST, OBJECT] = [0x2c, 0x5b, 0x7b];

/** The oldest events that fit one body, and the rest. */
export function takeBatch(waiting: WaitingEvent[]): [WaitingEvent[], WaitingEvent[]] {
  let characters = 0;
  let count = 0;
  for (const { event } of waiting) {
    characters += event.text.length + 1;
    if (count > 0 && (count >= MAX_EVENTS || characters > MAX_CHARACTERS)) break;
    count += 1;
  }
  if (characters > MAX_VALUES * CHARACTERS_OF_VALUE)
    count = countWithinValues(textsOf(waiting.slice(0, count)));
  return count === waiting.length ? [waiting, []] : [waiting.slice(0, count), waiting.slice(count)];
}

/** How many of the first events have few enough values together; one, if it alone has too many. */
export function countWithinValues(texts: readonly string[]): number {
  let values = 0;
  const cut = texts.findIndex((text, at) => {
    values += valuesIn(text);
    return at > 0 && values > MAX_VALUES;
  });
  return cut === -1 ? texts.length : cut;
}

/** No fewer than there are. */
function valuesIn(text: string): number {
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === COMMA || unit === LIST || unit === OBJECT) values += 1;
  }
  return values;
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
