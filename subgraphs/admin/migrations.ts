import type { Migration } from '@aduana/core/store/database';

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
];
