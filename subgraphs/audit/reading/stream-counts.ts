import type { Database } from '@aduana/server-kit/store/database';

/** What the log says of streams, as far as its entries are kept. */
export interface StreamCounts {
  /** Streams whose end is not recorded. */
  readonly open: number;
  readonly messages: number;
  /** Fields that were null in messages by rights. */
  readonly nulled: number;
}

/** A partition of the log. */
const STRETCH = 65_536;

interface Row {
  readonly opened: number;
  readonly closed: number;
  readonly messages: number;
  readonly nulled: number;
}

/** Counts on from what it has counted; a start begins anew. */
export function createStreamCounts(reader: Database): (size: number) => Promise<StreamCounts> {
  let counted = 0;
  let counts: StreamCounts = { open: 0, messages: 0, nulled: 0 };
  let counting: Promise<void> = Promise.resolve();

  async function countTo(size: number): Promise<void> {
    while (counted < size) {
      const to = Math.min(counted + STRETCH, size);
      const { rows } = await reader.query<Row>(COUNT, [counted, to]);
      const { opened = 0, closed = 0, messages = 0, nulled = 0 } = rows[0] ?? {};
      counts = {
        open: counts.open + opened - closed,
        messages: counts.messages + messages,
        nulled: counts.nulled + nulled,
      };
      counted = to;
    }
  }

  return async (size) => {
    counting = counting.catch(() => undefined).then(() => countTo(size));
    await counting;
    return { ...counts, open: Math.max(0, counts.open) };
  };
}

/** A gateway may write anything into the detail; what is no count is none. */
function countOf(member: string): string {
  return `CASE WHEN jsonb_typeof(detail->'${member}') = 'number' THEN
    CASE WHEN (detail->>'${member}')::numeric BETWEEN 0 AND 9007199254740991 THEN (detail->>'${member}')::float8 END END`;
}

const COUNT = `
  SELECT count(*) FILTER (WHERE type = 'stream.open')::float8 AS opened,
    count(*) FILTER (WHERE type = 'stream.close')::float8 AS closed,
    coalesce(sum(greatest(0, ${countOf('last')} - ${countOf('first')} + 1)), 0) AS messages,
    coalesce(sum(${countOf('nulled')}), 0) AS nulled
  FROM (
    SELECT type, CASE WHEN type = 'stream.messages' THEN detail_of(canonical) END AS detail
    FROM entries
    WHERE seq >= $1 AND seq < $2 AND type IN ('stream.open', 'stream.messages', 'stream.close')
  ) streams`;
