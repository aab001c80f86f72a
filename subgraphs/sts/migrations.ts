import { SHARED_SECRETS } from '@aduana/server-kit/secrets/shared-secrets';
import type { Migration } from '@aduana/server-kit/store/database';

/** The schema of the STS; all times are milliseconds since the epoch. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-keys-secrets-tokens-status',
    sql: ({ writer, reader }) => `
      CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        algorithm text NOT NULL,
        public_jwk text NOT NULL,
        private_wrapped text,
        state text NOT NULL CHECK (state IN ('PENDING', 'ACTIVE', 'RETIRING', 'RETIRED', 'REVOKED')),
        created_at bigint NOT NULL,
        activates_at bigint NOT NULL,
        retires_at bigint,
        CHECK (private_wrapped IS NULL OR state IN ('PENDING', 'ACTIVE'))
      );
      CREATE UNIQUE INDEX one_active_key ON signing_keys (state) WHERE state = 'ACTIVE';
      CREATE UNIQUE INDEX one_pending_key ON signing_keys (state) WHERE state = 'PENDING';
      CREATE TABLE key_generation (one boolean PRIMARY KEY DEFAULT true CHECK (one), generation bigint NOT NULL);
      CREATE TABLE rotations (generation bigint PRIMARY KEY, result text NOT NULL);
      CREATE TABLE idempotency (
        operation text NOT NULL, key text NOT NULL, fingerprint text NOT NULL, result text NOT NULL, at bigint NOT NULL,
        PRIMARY KEY (operation, key)
      );
      CREATE TABLE status_head (one boolean PRIMARY KEY DEFAULT true CHECK (one), seq bigint NOT NULL);
      INSERT INTO status_head (seq) VALUES (0);
      CREATE TABLE status_entries (
        seq bigint PRIMARY KEY, id text NOT NULL UNIQUE, at bigint NOT NULL, entry text NOT NULL, until bigint
      );
      CREATE INDEX status_entries_until ON status_entries (until) WHERE until IS NOT NULL;
      CREATE TABLE client_secrets (
        service text NOT NULL, version integer NOT NULL, salt text NOT NULL, hash text NOT NULL,
        accepted_until bigint, created_at bigint NOT NULL,
        PRIMARY KEY (service, version)
      );
      CREATE TABLE issued_tokens (
        jti text PRIMARY KEY, root_jti text NOT NULL, sub text NOT NULL, client_id text NOT NULL,
        scope text NOT NULL, expires_at bigint NOT NULL
      );
      CREATE INDEX issued_tokens_sub ON issued_tokens (sub, expires_at);
      CREATE INDEX issued_tokens_expires_at ON issued_tokens (expires_at);
      CREATE TABLE seen_assertions (id text PRIMARY KEY, expires_at bigint NOT NULL);
      CREATE INDEX seen_assertions_expires_at ON seen_assertions (expires_at);
      CREATE TABLE failed_authentications (
        client text NOT NULL, source text NOT NULL, time_window bigint NOT NULL, failures integer NOT NULL,
        PRIMARY KEY (client, source, time_window)
      );
      GRANT SELECT, INSERT, UPDATE ON signing_keys, key_generation, status_head TO "${writer}";
      GRANT SELECT, INSERT ON rotations TO "${writer}";
      GRANT SELECT, INSERT, DELETE ON idempotency, status_entries, issued_tokens, seen_assertions TO "${writer}";
      GRANT SELECT, INSERT, UPDATE, DELETE ON client_secrets, failed_authentications TO "${writer}";
      GRANT SELECT ON signing_keys, key_generation, rotations, status_head, status_entries, client_secrets,
        issued_tokens TO "${reader}";
    `,
  },
  {
    name: '0002-keys-held-elsewhere',
    sql: () => `
      ALTER TABLE signing_keys
        ADD COLUMN held_in text NOT NULL DEFAULT 'store' CHECK (held_in IN ('store', 'vault_transit', 'aws_kms')),
        ADD COLUMN reference text,
        ADD CHECK (held_in = 'store' OR private_wrapped IS NULL),
        ADD CHECK (held_in <> 'store' OR reference IS NULL),
        ADD CHECK (held_in = 'store' OR reference IS NOT NULL OR state NOT IN ('PENDING', 'ACTIVE'));
    `,
  },
  {
    // HMACs under a key that no login of the database holds; the STS writes them, and no migration.
    name: '0003-row-seals',
    sql: () => `
      ALTER TABLE signing_keys ADD COLUMN seal text;
      ALTER TABLE key_generation ADD COLUMN seal text;
      ALTER TABLE client_secrets ADD COLUMN seal text;
    `,
  },
  {
    // Tokens of earlier releases have neither: they expire within minutes.
    name: '0004-subjects-of-tokens',
    sql: () => `
      ALTER TABLE issued_tokens ADD COLUMN sub_iss text, ADD COLUMN sub_kind text;
    `,
  },
  { name: '0005-shared-secrets', sql: ({ writer }) => SHARED_SECRETS(writer) },
  {
    // What a replica of a release without seals appends afterwards is an error there, and is sent again.
    name: '0006-seals-of-the-status-feed',
    sql: ({ writer }) => `
      ALTER TABLE status_entries ADD COLUMN seal text;
      ALTER TABLE status_entries ADD CONSTRAINT status_entries_sealed CHECK (seal IS NOT NULL) NOT VALID;
      ALTER TABLE status_head ADD COLUMN kept bigint, ADD COLUMN passing bigint, ADD COLUMN pruned_until bigint,
        ADD COLUMN seal text;
      GRANT UPDATE (seal) ON status_entries TO "${writer}";
      GRANT INSERT ON status_head TO "${writer}";
    `,
  },
  {
    // Who was given which version: it ends with that certificate.
    name: '0007-collected-secrets',
    sql: ({ writer, reader }) => `
      CREATE TABLE secret_collections (
        service text NOT NULL, version integer NOT NULL, thumbprint text NOT NULL, seal text NOT NULL,
        PRIMARY KEY (service, version, thumbprint)
      );
      GRANT SELECT, INSERT, UPDATE, DELETE ON secret_collections TO "${writer}";
      GRANT SELECT ON secret_collections TO "${reader}";
    `,
  },
];
