import type { Migration } from '@aduana/server-kit/store/database';
import { AUDIT_SCHEMA, PARTITION_ENTRIES } from './schema.ts';

/**
 * Finds refusals by an index, and settles each partition once it is full, a step a call. It makes the other indexes then, since
 * to keep four more of them up to date costs more than to append an entry. It also counts what is in the partition: an embedded
 * database has no automatic ANALYZE, and a server may not run it. A function does both, since only an owner may.
 * A filter reads what is not settled yet as a whole.
 */
export const SETTLE: Migration = {
  name: '011-settle-partitions',
  sql: ({ writer }) => `
    -- most is allowed, and found at once without an index
    CREATE INDEX entries_by_refusal ON entries (outcome, seq) WHERE outcome <> 'ALLOWED';

    DROP INDEX entries_by_actor, entries_by_type, entries_by_operation, entries_by_trace;

    CREATE TABLE settled (
      single boolean PRIMARY KEY DEFAULT true CHECK (single),
      entries bigint NOT NULL DEFAULT 0
    );
    INSERT INTO settled DEFAULT VALUES;

    CREATE FUNCTION settle_partition() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = ${AUDIT_SCHEMA}, pg_temp SET lock_timeout = '2s' AS $body$
    DECLARE
      lower bigint;
      name text;
      suffix text;
      wanted text;
      by_time regclass;
    BEGIN
      SELECT s.entries INTO lower FROM settled s, head h
        WHERE s.entries + ${String(PARTITION_ENTRIES)} <= h.size FOR UPDATE OF s SKIP LOCKED;
      IF lower IS NULL THEN
        RETURN false;
      END IF;
      name := 'entries_' || lpad((lower / ${String(PARTITION_ENTRIES)})::text, 8, '0');
      IF to_regclass(name) IS NOT NULL THEN
        SELECT w.suffix, w.wanted INTO suffix, wanted
        FROM (VALUES ('by_actor', '(actor, seq)'), ('by_type', '(type, seq)'),
          ('by_operation', '(operation, seq) WHERE operation IS NOT NULL'),
          ('by_trace', '(trace_id) WHERE trace_id IS NOT NULL')) AS w(suffix, wanted)
        WHERE to_regclass(name || '_' || w.suffix) IS NULL LIMIT 1;
        IF suffix IS NOT NULL THEN
          EXECUTE format('CREATE INDEX %I ON %I ', name || '_' || suffix, name) || wanted;
          RETURN true;
        END IF;
        EXECUTE format('ANALYZE %I (time, type, outcome, actor, client_id, operation, trace_id)', name);
        SELECT i.indexrelid INTO by_time FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
          WHERE i.indrelid = name::regclass AND a.amname = 'brin';
        PERFORM brin_summarize_new_values(by_time);
      END IF;
      UPDATE settled SET entries = lower + ${String(PARTITION_ENTRIES)};
      RETURN true;
    END $body$;
    REVOKE ALL ON FUNCTION settle_partition() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION settle_partition() TO "${writer}";`,
};
