import { SHARED_SECRETS } from '@aduana/server-kit/secrets/shared-secrets';
import type { Migration } from '@aduana/server-kit/store/database';

/** The schema of the admin service; all times are milliseconds since the epoch. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-suspensions-revocations-versions',
    sql: ({ writer, reader }) => `
      CREATE TABLE service_states (
        service text PRIMARY KEY, suspended boolean NOT NULL, event_id text NOT NULL, reason text NOT NULL,
        actor text NOT NULL, at bigint NOT NULL
      );
      CREATE TABLE certificate_revocations (
        thumbprint text PRIMARY KEY, event_id text NOT NULL, reason text NOT NULL, actor text NOT NULL,
        at bigint NOT NULL
      );
      CREATE TABLE policy_versions (
        version bigserial PRIMARY KEY, event_id text NOT NULL, sha256 text NOT NULL, at bigint NOT NULL
      );
      CREATE TABLE outbox (seq bigserial PRIMARY KEY, event_id text NOT NULL UNIQUE, entry text NOT NULL);
      GRANT SELECT, INSERT, UPDATE ON service_states TO "${writer}";
      GRANT SELECT, INSERT ON certificate_revocations, policy_versions TO "${writer}";
      GRANT SELECT, INSERT, DELETE ON outbox TO "${writer}";
      GRANT USAGE ON SEQUENCE policy_versions_version_seq, outbox_seq_seq TO "${writer}";
      GRANT SELECT ON service_states, certificate_revocations, policy_versions, outbox TO "${reader}";
    `,
  },
  {
    name: '0002-subject-revocations',
    sql: ({ writer, reader }) => `
      CREATE TABLE subject_revocations (
        issuer text NOT NULL, subject text NOT NULL, not_after bigint NOT NULL, event_id text NOT NULL,
        reason text NOT NULL, actor text NOT NULL, at bigint NOT NULL,
        PRIMARY KEY (issuer, subject)
      );
      GRANT SELECT, INSERT, UPDATE, DELETE ON subject_revocations TO "${writer}";
      GRANT SELECT ON subject_revocations TO "${reader}";
    `,
  },
  {
    // The texts of the policy files, so that versions can be compared.
    name: '0003-files-of-policies',
    sql: () => `
      ALTER TABLE policy_versions ADD COLUMN files text;
    `,
  },
  { name: '0004-shared-secrets', sql: ({ writer }) => SHARED_SECRETS(writer) },
  {
    // HMACs under a key that no login of the database holds. What a replica of a release without seals writes afterwards
    // is an error there, and not lost.
    name: '0005-row-seals',
    sql: ({ writer }) => `
      ${['service_states', 'certificate_revocations', 'subject_revocations', 'outbox']
        .map(
          (table) =>
            `ALTER TABLE ${table} ADD COLUMN seal text;
             ALTER TABLE ${table} ADD CONSTRAINT ${table}_sealed CHECK (seal IS NOT NULL) NOT VALID;`,
        )
        .join('\n')}
      GRANT UPDATE ON certificate_revocations TO "${writer}";
      GRANT UPDATE (seal) ON outbox TO "${writer}";
    `,
  },
];
