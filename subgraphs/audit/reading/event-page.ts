import type { Database } from '@aduana/server-kit/store/database';
import { type EventFilter, findEvents, type StoredEvent } from './stored-event.ts';

/** Some events of the log in order, and whether more may follow. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Up to which entry, or back to which one, the log has been looked through, where there may be more. */
  readonly lookedThrough: number | undefined;
  /** The last entry that has been looked at, or the one before the first. */
  readonly end: number;
}

export interface PageSize {
  readonly events: number;
  /** Entries that one statement looks through, and how many statements there are at most. */
  readonly stretch?: number;
  readonly stretches?: number;
  /** Whether the page has taken its time: then it ends with what there is. */
  readonly isOver?: () => boolean;
}

/** A partition of the log. */
const STRETCH = 65_536;
const STRETCHES = 16;

/**
 * The next events that a filter lets through. What is rare in a large log is looked for a stretch at a time, and on for
 * another page: none takes longer than it may, and a page may hold few events, or none, though more follow.
 */
export async function readEventPage(
  reader: Database,
  filter: EventFilter,
  afterSeq: number,
  pageSize: PageSize,
): Promise<EventPage> {
  const { events: limit, stretch = STRETCH } = pageSize;
  const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
  const size = rows[0]?.size ?? 0;
  const events: StoredEvent[] = [];
  let from = afterSeq + 1;
  for (let count = 0; from < size && looksOn(count, events, pageSize); count += 1) {
    const to = Math.min(from + stretch - (from % stretch), size);
    events.push(...(await findEvents(reader, filter, from - 1, limit + 1 - events.length, to)));
    from = to;
  }
  if (events.length <= limit)
    return { events, lookedThrough: from < size ? from - 1 : undefined, end: from - 1 };
  const page = events.slice(0, limit);
  const end = page.at(-1)?.seq ?? afterSeq;
  return { events: page, lookedThrough: end, end };
}

/**
 * The last events before an entry that a filter lets through, in the order of the log; looked for as `readEventPage` does,
 * towards the beginning.
 *
 * @param beforeSeq undefined: the end of the log
 * @param minimum entries below are dropped
 */
export async function readLastPage(
  reader: Database,
  filter: EventFilter,
  { beforeSeq, minimum }: { readonly beforeSeq: number | undefined; readonly minimum: number },
  pageSize: PageSize,
): Promise<EventPage> {
  const { events: limit, stretch = STRETCH } = pageSize;
  const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
  let to = Math.min(beforeSeq ?? Infinity, rows[0]?.size ?? 0);
  const found: StoredEvent[] = [];
  for (let count = 0; to > minimum && looksOn(count, found, pageSize); count += 1) {
    const from = Math.max(minimum, Math.floor((to - 1) / stretch) * stretch);
    found.push(...(await findEvents(reader, filter, from - 1, limit + 1 - found.length, to, 'DESC')));
    to = from;
  }
  if (found.length <= limit)
    return { events: found.reverse(), lookedThrough: to > minimum ? to : undefined, end: to };
  const page = found.slice(0, limit).reverse();
  const end = page[0]?.seq ?? to;
  return { events: page, lookedThrough: end, end };
}

/** Whether another stretch is looked through; the first one always is. */
function looksOn(
  count: number,
  found: readonly StoredEvent[],
  { events: limit, stretches = STRETCHES, isOver }: PageSize,
): boolean {
  return count === 0 || (count < stretches && found.length <= limit && isOver?.() !== true);
}
