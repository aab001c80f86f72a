import { SHARED_SECRETS } from '@aduana/server-kit/secrets/shared-secrets';
import type { Migration } from '@aduana/server-kit/store/database';
import { DETAIL, RETENTION } from './retention-migration.ts';
import { APPEND, APPEND_AS_OWNER, APPEND_LINES, APPEND_NEW } from './append-migrations.ts';
import { AUDIT_SCHEMA, PARTITION_ENTRIES } from './schema.ts';
import { SETTLE } from './settle-migration.ts';

const ENTRIES: Migration = {
  name: '001-entries',
  sql: ({ writer, reader }) => `
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      RAISE EXCEPTION 'the log is append-only' USING ERRCODE = '42501';
    END $body$;

    CREATE FUNCTION make_append_only(target text) RETURNS void LANGUAGE plpgsql AS $body$
    BEGIN
      EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
      EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
      -- a plain trigger does not fire under session_replication_role = replica
      EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', target);
      EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_truncate', target);
    END $body$;
    REVOKE ALL ON FUNCTION make_append_only(text) FROM PUBLIC;

    -- the one sequencer: who holds this row's lock gives out the next numbers
    CREATE TABLE head (
      single boolean PRIMARY KEY DEFAULT true CHECK (single),
      size bigint NOT NULL,
      capacity bigint NOT NULL
    );
    INSERT INTO head (size, capacity) VALUES (0, 0);

    CREATE TABLE entries (
      seq bigint PRIMARY KEY,
      id uuid NOT NULL,
      time timestamptz NOT NULL,
      type text NOT NULL,
      outcome text NOT NULL,
      actor text NOT NULL,
      client_id text,
      operation text,
      trace_id text,
      peer text NOT NULL,
      instance text NOT NULL,
      boot_id text NOT NULL,
      n bigint NOT NULL,
      leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
      canonical text NOT NULL
    ) PARTITION BY RANGE (seq);
    CREATE INDEX entries_by_actor ON entries (actor, seq);
    CREATE INDEX entries_by_type ON entries (type, seq);
    CREATE INDEX entries_by_operation ON entries (operation, seq) WHERE operation IS NOT NULL;
    CREATE INDEX entries_by_trace ON entries (trace_id) WHERE trace_id IS NOT NULL;
    CREATE INDEX entries_by_time ON entries USING brin (time);
    PERFORM make_append_only('entries');

    CREATE TABLE event_ids (
      id uuid NOT NULL,
      peer text NOT NULL,
      seq bigint NOT NULL,
      fingerprint bytea NOT NULL,
      PRIMARY KEY (id, peer)
    );
    PERFORM make_append_only('event_ids');

    GRANT SELECT, UPDATE ON head TO "${writer}";
    GRANT INSERT ON entries TO "${writer}";
    GRANT SELECT, INSERT ON event_ids TO "${writer}";
    GRANT SELECT ON head, entries, event_ids TO "${reader}";`,
};

/** The writer may not make tables: this makes the next partition, once there is little room left. */
const PARTITIONS: Migration = {
  name: '002-partitions',
  sql: ({ writer }) => `
    CREATE FUNCTION add_partition() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = ${AUDIT_SCHEMA}, pg_temp AS $body$
    DECLARE
      lower bigint;
      name text;
    BEGIN
      SELECT capacity INTO STRICT lower FROM head WHERE size + ${String(PARTITION_ENTRIES)} >= capacity FOR UPDATE;
      name := 'entries_' || lpad((lower / ${String(PARTITION_ENTRIES)})::text, 8, '0');
      EXECUTE format('CREATE TABLE %I PARTITION OF entries FOR VALUES FROM (%s) TO (%s)',
        name, lower, lower + ${String(PARTITION_ENTRIES)});
      -- row triggers are cloned from the parent, statement triggers and ENABLE ALWAYS are not
      EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
      EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_truncate', name);
      EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
      UPDATE head SET capacity = lower + ${String(PARTITION_ENTRIES)};
    END $body$;
    REVOKE ALL ON FUNCTION add_partition() FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION add_partition() TO "${writer}";`,
};

/** Full tiles of 256 hashes (c2sp.org/tlog-tiles) with the hash above them; what was signed; keys of personal data. */
const TREE: Migration = {
  name: '004-tree',
  sql: ({ writer, reader }) => `
    CREATE TABLE tiles (
      level int NOT NULL,
      index bigint NOT NULL,
      root bytea NOT NULL CHECK (octet_length(root) = 32),
      hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
      PRIMARY KEY (level, index)
    );
    PERFORM make_append_only('tiles');

    CREATE TABLE checkpoints (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      size bigint NOT NULL,
      root bytea NOT NULL CHECK (octet_length(root) = 32),
      note text NOT NULL,
      signed_at timestamptz NOT NULL
    );
    PERFORM make_append_only('checkpoints');

    CREATE TABLE subject_keys (
      subject bytea PRIMARY KEY,
      wrapped text NOT NULL
    );

    GRANT SELECT, INSERT ON tiles, checkpoints TO "${writer}";
    GRANT SELECT, INSERT, DELETE ON subject_keys TO "${writer}";
    GRANT SELECT ON tiles, checkpoints, subject_keys TO "${reader}";`,
};

/** How far each receiver of events has come. */
const SINKS: Migration = {
  name: '005-sinks',
  sql: ({ writer, reader }) => `
    CREATE TABLE sinks (
      name text PRIMARY KEY,
      cursor bigint NOT NULL DEFAULT 0,
      holder text,
      lease_until timestamptz NOT NULL DEFAULT '-infinity'
    );
    CREATE TABLE dead_letters (
      sink text NOT NULL,
      seq bigint NOT NULL,
      reason text NOT NULL,
      at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (sink, seq)
    );
    GRANT SELECT, INSERT, UPDATE ON sinks TO "${writer}";
    GRANT INSERT ON dead_letters TO "${writer}";
    GRANT SELECT ON sinks, dead_letters TO "${reader}";`,
};

/** Receivers get checkpoints too, from the next one on. */
const SHIPPED_CHECKPOINTS: Migration = {
  name: '007-shipped-checkpoints',
  sql: () => `
    ALTER TABLE sinks ADD COLUMN checkpoint_size bigint NOT NULL DEFAULT 0;
    UPDATE sinks SET checkpoint_size = cursor;`,
};

/** Checkpoints whose time an authority vouches for. */
const TIMESTAMPS: Migration = {
  name: '008-timestamps',
  sql: ({ writer, reader }) => `
    CREATE TABLE timestamps (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      size bigint NOT NULL,
      note text NOT NULL,
      response bytea NOT NULL,
      stamped_at timestamptz NOT NULL
    );
    PERFORM make_append_only('timestamps');
    GRANT SELECT, INSERT ON timestamps TO "${writer}";
    GRANT SELECT ON timestamps TO "${reader}";`,
};

export const AUDIT_MIGRATIONS: readonly Migration[] = [
  ENTRIES,
  PARTITIONS,
  APPEND,
  TREE,
  SINKS,
  RETENTION,
  SHIPPED_CHECKPOINTS,
  TIMESTAMPS,
  APPEND_LINES,
  { name: '010-shared-secrets', sql: ({ writer }) => SHARED_SECRETS(writer) },
  SETTLE,
  APPEND_NEW,
  APPEND_AS_OWNER,
  DETAIL,
];
