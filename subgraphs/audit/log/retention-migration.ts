import type { Migration } from '@aduana/server-kit/store/database';
import { AUDIT_SCHEMA, PARTITION_ENTRIES } from './schema.ts';

/**
 * Entries below a published minimum index may go; no role of the service may drop a table, so this does, and refuses
 * whatever is not announced by an event under a checkpoint, or whose leaf hashes the tiles do not keep.
 */
export const RETENTION: Migration = {
  name: '006-retention',
  sql: ({ writer, reader }) => `
    CREATE INDEX checkpoints_by_size ON checkpoints (size);

    CREATE TABLE minimum_indexes (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      minimum_index bigint NOT NULL CHECK (minimum_index > 0 AND minimum_index % ${String(PARTITION_ENTRIES)} = 0),
      note text NOT NULL,
      signed_at timestamptz NOT NULL
    );
    PERFORM make_append_only('minimum_indexes');
    GRANT SELECT, INSERT ON minimum_indexes TO "${writer}";
    GRANT SELECT ON minimum_indexes TO "${reader}";

    CREATE FUNCTION ${dropEntries(`(e.canonical::json #>> '{detail,minimum_index}')::bigint`)}
    REVOKE ALL ON FUNCTION drop_entries(bigint) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION drop_entries(bigint) TO "${writer}";`,
};

/**
 * What an event says in detail, for queries over many of them. The writer's login can append what is no JSON, which a cast
 * takes for an error of the whole query: of such an entry there is no detail.
 */
export const DETAIL: Migration = {
  name: '014-detail',
  sql: ({ writer, reader }) => `
    CREATE FUNCTION detail_of(canonical text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $body$
    BEGIN
      RETURN canonical::jsonb -> 'detail';
    EXCEPTION WHEN OTHERS THEN
      RETURN NULL;
    END $body$;
    REVOKE ALL ON FUNCTION detail_of(text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION detail_of(text) TO "${writer}", "${reader}";

    CREATE OR REPLACE FUNCTION ${dropEntries(MINIMUM_INDEX)}`,
};

/** A number of any other kind is none. */
const MINIMUM_INDEX = `CASE WHEN detail_of(e.canonical) ->> 'minimum_index' ~ '^[0-9]{1,15}$'
            THEN (detail_of(e.canonical) ->> 'minimum_index')::bigint END`;

/** @param announced the minimum index that an event `e` announces, in SQL */
function dropEntries(announced: string): string {
  return `drop_entries(partition_number bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
      -- who appends would wait behind us
      SET search_path = ${AUDIT_SCHEMA}, pg_temp SET lock_timeout = '2s' AS $body$
    DECLARE
      lower bigint := partition_number * ${String(PARTITION_ENTRIES)};
      upper bigint := (partition_number + 1) * ${String(PARTITION_ENTRIES)};
      name text := 'entries_' || lpad(partition_number::text, 8, '0');
      kept bigint;
    BEGIN
      IF to_regclass(name) IS NULL THEN
        RETURN false;
      END IF;
      IF NOT EXISTS (SELECT FROM minimum_indexes m WHERE m.minimum_index >= upper) THEN
        RAISE EXCEPTION 'no minimum index above these entries is published' USING ERRCODE = '42501';
      END IF;
      IF NOT EXISTS (
        SELECT FROM entries e WHERE e.type = 'audit.retention' AND e.peer = 'audit'
          AND ${announced} >= upper
          AND e.seq < (SELECT c.size FROM checkpoints c ORDER BY c.number DESC LIMIT 1)
      ) THEN
        RAISE EXCEPTION 'no event under a checkpoint announces this' USING ERRCODE = '42501';
      END IF;
      SELECT count(*) INTO kept FROM (
        SELECT e.seq / 256 AS index, string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) AS hashes
        FROM entries e WHERE e.seq >= lower AND e.seq < upper GROUP BY 1
      ) l JOIN tiles t ON t.level = 0 AND t.index = l.index AND t.hashes = l.hashes;
      IF kept <> ${String(PARTITION_ENTRIES / 256)} THEN
        RAISE EXCEPTION 'the tiles do not hold the leaf hashes of these entries' USING ERRCODE = '42501';
      END IF;
      EXECUTE format('DROP TABLE %I', name);
      RETURN true;
    END $body$;`;
}
