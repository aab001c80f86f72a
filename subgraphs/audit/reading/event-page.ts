import type { Database } from '@aduana/core/store/database';
import { type EventFilter, findEvents, type StoredEvent } from './stored-event.ts';

/** Some events of the log in order, and whether more may follow. */
export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** Up to which entry the log has been looked through, where more may follow. */
  readonly lookedThrough: number | undefined;
}

export interface PageSize {
  readonly events: number;
  /** Entries that one statement looks through, and how many statements there are at most. */
  readonly stretch?: number;
  readonly stretches?: number;
}

/** A partition of the log. */
const STRETCH = 65_536;
const STRETCHES = 16;

/**
 * The next events that a filter lets through. What is rare in a large log is looked for a stretch at a time, and on for
 * another page: none takes longer than the database allows, and a page may hold few events, or none, though more follow.
 */
export async function readEventPage(
  reader: Database,
  filter: EventFilter,
  afterSeq: number,
  { events: limit, stretch = STRETCH, stretches = STRETCHES }: PageSize,
): Promise<EventPage> {
  const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
  const size = rows[0]?.size ?? 0;
  const events: StoredEvent[] = [];
  let from = afterSeq + 1;
  for (let count = 0; count < stretches && from < size && events.length <= limit; count += 1) {
    const to = Math.min(from + stretch - (from % stretch), size);
    events.push(...(await findEvents(reader, filter, from - 1, limit + 1 - events.length, to)));
    from = to;
  }
  if (events.length <= limit) return { events, lookedThrough: from < size ? from - 1 : undefined };
  const page = events.slice(0, limit);
  return { events: page, lookedThrough: page.at(-1)?.seq ?? afterSeq };
}
