import type { Migration } from '@aduana/server-kit/store/database';
import { AUDIT_SCHEMA } from './schema.ts';

/**
 * Appends a batch in one statement: `{ordinal, id, peer, fingerprint, leaf_hash, canonical, ...}` each. Returns the rows
 * that were there already, and under ordinal -1 the number of the first new one.
 */
export const APPEND: Migration = {
  name: '003-append',
  sql: ({ writer }) => `
    CREATE FUNCTION append(incoming json)
      RETURNS TABLE (ordinal int, seq bigint, fingerprint bytea) LANGUAGE plpgsql
      -- the plan is made once, while the tables are small: a scan of all ids would be chosen, and stay
      SET enable_seqscan = off SET jit = off AS $body$
    #variable_conflict use_column
    DECLARE
      base bigint;
      room bigint;
    BEGIN
      SELECT h.size, h.capacity INTO STRICT base, room FROM head h WHERE h.single FOR UPDATE;
      IF base + json_array_length(incoming) > room THEN
        PERFORM add_partition();
      END IF;
      RETURN QUERY
      WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(incoming) AS g(
          ordinal int, id uuid, peer text, fingerprint text, time timestamptz, type text, outcome text, actor text,
          client_id text, operation text, trace_id text, instance text, boot_id text, n bigint, leaf_hash text,
          canonical text)
      ), known AS MATERIALIZED (
        SELECT g.ordinal, e.seq, e.fingerprint FROM given g
        CROSS JOIN LATERAL (SELECT i.seq, i.fingerprint FROM event_ids i WHERE i.id = g.id AND i.peer = g.peer LIMIT 1) e
      ), fresh AS MATERIALIZED (
        SELECT g.*, base - 1 + row_number() OVER (ORDER BY g.ordinal) AS seq
        FROM given g LEFT JOIN known k ON k.ordinal = g.ordinal WHERE k.ordinal IS NULL
      ), ids AS (
        INSERT INTO event_ids (id, peer, seq, fingerprint)
        SELECT f.id, f.peer, f.seq, decode(f.fingerprint, 'hex') FROM fresh f
      ), added AS (
        INSERT INTO entries (seq, id, time, type, outcome, actor, client_id, operation, trace_id, peer, instance,
          boot_id, n, leaf_hash, canonical)
        SELECT f.seq, f.id, f.time, f.type, f.outcome, f.actor, f.client_id, f.operation, f.trace_id, f.peer,
          f.instance, f.boot_id, f.n, decode(f.leaf_hash, 'hex'), f.canonical FROM fresh f
      ), moved AS (
        UPDATE head SET size = base + (SELECT count(*) FROM fresh) WHERE single
      )
      SELECT k.ordinal, k.seq, k.fingerprint FROM known k
      UNION ALL SELECT -1, base, NULL;
    END $body$;
    REVOKE ALL ON FUNCTION append(json) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION append(json) TO "${writer}";`,
};

/**
 * Appends as before from less: canonical texts one a line, as none holds a line break; two hashes of each entry, leaf and
 * fingerprint, one after the other; and the columns. Entries count from 1; under 0 stands the number of the first new one.
 */
export const APPEND_LINES: Migration = {
  name: '009-append-lines',
  sql: ({ writer }) => `
    CREATE FUNCTION append(lines text, hashes bytea, columns json)
      RETURNS TABLE (ordinal bigint, seq bigint, fingerprint bytea) LANGUAGE plpgsql
      SET enable_seqscan = off SET jit = off AS $body$
    #variable_conflict use_column
    DECLARE
      base bigint;
      room bigint;
    BEGIN
      SELECT h.size, h.capacity INTO STRICT base, room FROM head h WHERE h.single FOR UPDATE;
      IF base + octet_length(hashes) / 64 > room THEN
        PERFORM add_partition();
      END IF;
      RETURN QUERY
      WITH given AS MATERIALIZED (
        SELECT g.*, substr(hashes, (g.ordinal * 64 - 63)::int, 32) AS leaf_hash,
          substr(hashes, (g.ordinal * 64 - 31)::int, 32) AS fingerprint
        FROM ROWS FROM (
          json_to_recordset(columns) AS (id uuid, peer text, time timestamptz, type text, outcome text, actor text,
            client_id text, operation text, trace_id text, instance text, boot_id text, n bigint),
          string_to_table(lines, E'\\n')
        ) WITH ORDINALITY AS g(id, peer, time, type, outcome, actor, client_id, operation, trace_id, instance, boot_id, n,
          canonical, ordinal)
      ), known AS MATERIALIZED (
        SELECT g.ordinal, e.seq, e.fingerprint FROM given g
        CROSS JOIN LATERAL (SELECT i.seq, i.fingerprint FROM event_ids i WHERE i.id = g.id AND i.peer = g.peer LIMIT 1) e
      ), fresh AS MATERIALIZED (
        SELECT g.*, base - 1 + row_number() OVER (ORDER BY g.ordinal) AS seq
        FROM given g LEFT JOIN known k ON k.ordinal = g.ordinal WHERE k.ordinal IS NULL
      ), ids AS (
        INSERT INTO event_ids (id, peer, seq, fingerprint)
        SELECT f.id, f.peer, f.seq, f.fingerprint FROM fresh f
      ), added AS (
        INSERT INTO entries (seq, id, time, type, outcome, actor, client_id, operation, trace_id, peer, instance,
          boot_id, n, leaf_hash, canonical)
        SELECT f.seq, f.id, f.time, f.type, f.outcome, f.actor, f.client_id, f.operation, f.trace_id, f.peer,
          f.instance, f.boot_id, f.n, f.leaf_hash, f.canonical FROM fresh f
      ), moved AS (
        UPDATE head SET size = base + (SELECT count(*) FROM fresh) WHERE single
      )
      SELECT k.ordinal, k.seq, k.fingerprint FROM known k
      UNION ALL SELECT 0, base, NULL;
    END $body$;
    REVOKE ALL ON FUNCTION append(text, bytea, json) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION append(text, bytea, json) TO "${writer}";
    DROP FUNCTION append(json);`,
};

/**
 * Appends a batch of which nothing is stored yet, and returns the number of its first entry. Where something is, nothing is
 * appended and `event_ids` refuses: `append` then returns what is known. It looks nothing up and touches each row once.
 */
export const APPEND_NEW: Migration = {
  name: '012-append-new',
  sql: ({ writer }) => `
    CREATE FUNCTION append_new(lines text, hashes bytea, columns json) RETURNS bigint LANGUAGE plpgsql AS $body$
    DECLARE
      total int := octet_length(hashes) / 64;
      base bigint;
      room bigint;
    BEGIN
      UPDATE head SET size = size + total WHERE single RETURNING size - total, capacity INTO STRICT base, room;
      IF base + total > room THEN
        PERFORM add_partition();
      END IF;
      INSERT INTO event_ids (id, peer, seq, fingerprint)
      SELECT g.id, g.peer, base - 1 + g.ordinal, substr(hashes, (g.ordinal * 64 - 31)::int, 32)
      FROM ROWS FROM (json_to_recordset(columns) AS (id uuid, peer text)) WITH ORDINALITY AS g(id, peer, ordinal);
      INSERT INTO entries (seq, id, time, type, outcome, actor, client_id, operation, trace_id, peer, instance,
        boot_id, n, leaf_hash, canonical)
      SELECT base - 1 + g.ordinal, g.id, g.time, g.type, g.outcome, g.actor, g.client_id, g.operation, g.trace_id,
        g.peer, g.instance, g.boot_id, g.n, substr(hashes, (g.ordinal * 64 - 63)::int, 32), g.canonical
      FROM ROWS FROM (
        json_to_recordset(columns) AS (id uuid, peer text, time timestamptz, type text, outcome text, actor text,
          client_id text, operation text, trace_id text, instance text, boot_id text, n bigint),
        string_to_table(lines, E'\\n')
      ) WITH ORDINALITY AS g(id, peer, time, type, outcome, actor, client_id, operation, trace_id, instance, boot_id, n,
        canonical, ordinal);
      RETURN base;
    END $body$;
    REVOKE ALL ON FUNCTION append_new(text, bytea, json) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION append_new(text, bytea, json) TO "${writer}";`,
};

/**
 * Entries get their numbers from these functions and from nobody else: a row that the writer's login puts ahead of the head
 * would be in the way of every entry once the head comes there, and no role of the service could remove it.
 */
export const APPEND_AS_OWNER: Migration = {
  name: '013-append-as-owner',
  sql: ({ writer }) => `
    ALTER FUNCTION append(text, bytea, json) SECURITY DEFINER SET search_path = ${AUDIT_SCHEMA}, pg_temp;
    ALTER FUNCTION append_new(text, bytea, json) SECURITY DEFINER SET search_path = ${AUDIT_SCHEMA}, pg_temp;
    REVOKE INSERT ON entries, event_ids FROM "${writer}";
    REVOKE UPDATE ON head FROM "${writer}";`,
};
