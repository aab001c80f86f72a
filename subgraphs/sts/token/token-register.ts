import type { Database } from '@aduana/server-kit/store/database';
import type { Clock } from '@aduana/core/platform/clock';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';

/** The record of every token that left: nothing is issued that is not in it. */
export interface TokenRegister {
  /** Resolves once the record is durable; those that arrive together are written together. */
  add(claims: AccessTokenClaims): Promise<void>;
  /** How many unexpired tokens speak for a subject. */
  countActive(subject: string, now: number): Promise<number>;
  /** Subjects of whom there are unexpired tokens, those that end last first. */
  listActive(now: number, limit: number): Promise<readonly ActiveSubject[]>;
  /** @returns undefined for a token that is unknown or long expired */
  find(jti: string): Promise<RegisteredToken | undefined>;
}

export interface ActiveSubject {
  readonly issuer: string;
  readonly subject: string;
  readonly kind: 'SERVICE' | 'USER';
  readonly clients: readonly string[];
  readonly tokens: number;
  /** RFC 3339. */
  readonly expiresAt: string;
}

export interface RegisteredToken {
  readonly clientId: string;
  readonly scope: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface Waiting {
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly claims: AccessTokenClaims;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const LARGEST_BATCH = 1_000;
/** What has waited that long for a write that failed waits for no other: its answer has a bound. */
const PATIENCE_MS = 1_500;

export function createTokenRegister(database: Database, clock: Clock): TokenRegister {
  let waiting: Waiting[] = [];
  let writing = false;

  const writeAll = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, LARGEST_BATCH);
      await insert(
        database,
        batch.map(({ claims }) => claims),
      ).then(
        () => {
          for (const { resolve } of batch) resolve();
        },
        (error: unknown) => {
          const late = clock.monotonic() - PATIENCE_MS;
          const failed = [...batch, ...waiting.filter(({ since }) => since <= late)];
          waiting = waiting.filter(({ since }) => since > late);
          for (const { reject } of failed) reject(error);
        },
      );
    }
    writing = false;
  };

  return {
    add: (claims) =>
      new Promise((resolve, reject) => {
        waiting.push({ since: clock.monotonic(), claims, resolve, reject });
        if (!writing) void writeAll();
      }),
    async countActive(subject, now) {
      const { rows } = await database.query<{ count: number }>(
        'SELECT count(*)::integer AS count FROM issued_tokens WHERE sub = $1 AND expires_at > $2',
        [subject, now],
      );
      return rows[0]?.count ?? 0;
    },
    listActive: (now, limit) => listActive(database, now, limit),
    async find(jti) {
      const { rows } = await database.query<{
        client_id: string;
        scope: string;
        expires_at: string | number;
      }>('SELECT client_id, scope, expires_at FROM issued_tokens WHERE jti = $1', [jti]);
      const [row] = rows;
      return row && { clientId: row.client_id, scope: row.scope, expiresAt: Number(row.expires_at) };
    },
  };
}

async function listActive(database: Database, now: number, limit: number): Promise<readonly ActiveSubject[]> {
  const { rows } = await database.query<{
    sub_iss: string;
    sub: string;
    sub_kind: string;
    clients: readonly string[];
    tokens: number;
    expires_at: string | number;
  }>(
    `SELECT sub_iss, sub, sub_kind, (array_agg(DISTINCT client_id))[1:20] AS clients, count(*)::integer AS tokens,
       max(expires_at) AS expires_at
     FROM issued_tokens WHERE expires_at > $1 AND sub_iss IS NOT NULL
     GROUP BY sub_iss, sub, sub_kind ORDER BY max(expires_at) DESC, sub LIMIT $2`,
    [now, limit],
  );
  return rows.map((row) => ({
    issuer: row.sub_iss,
    subject: row.sub,
    kind: row.sub_kind === 'service' ? 'SERVICE' : 'USER',
    clients: row.clients,
    tokens: row.tokens,
    expiresAt: new Date(Number(row.expires_at)).toISOString(),
  }));
}

async function insert(database: Database, tokens: readonly AccessTokenClaims[]): Promise<void> {
  await database.query(
    `INSERT INTO issued_tokens (jti, root_jti, sub, client_id, scope, expires_at, sub_iss, sub_kind)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])`,
    [
      tokens.map(({ jti }) => jti),
      tokens.map(({ root_jti: rootJti }) => rootJti),
      tokens.map(({ sub }) => sub),
      tokens.map(({ client_id: clientId }) => clientId),
      tokens.map(({ scope }) => scope),
      tokens.map(({ exp }) => exp * 1000),
      tokens.map(({ sub_iss: issuer }) => issuer),
      tokens.map(({ sub_kind: kind }) => kind),
    ],
  );
}
