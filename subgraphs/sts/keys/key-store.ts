import type { Queryable } from '@aduana/core/store/database';
import type { KeyRecord, KeySet, SigningKeyState } from '@aduana/core/tokens/key-set';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { Jwk } from '@aduana/core/tokens/jwk';

interface KeyRow {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly public_jwk: string;
  readonly private_wrapped: string | null;
  readonly state: SigningKeyState;
  readonly created_at: string | number;
  readonly activates_at: string | number;
  readonly retires_at: string | number | null;
}

/** A key set as stored, with the wrapped private parts of PENDING and ACTIVE by kid. */
export interface StoredKeySet {
  readonly set: KeySet;
  readonly wrapped: ReadonlyMap<string, string>;
}

/** @returns undefined before the first key was made */
export async function readKeySet(database: Queryable): Promise<StoredKeySet | undefined> {
  const { rows } = await database.query<KeyRow & { generation: string | number }>(
    'SELECT k.*, g.generation FROM signing_keys k CROSS JOIN key_generation g ORDER BY k.created_at, k.kid',
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const wrapped = new Map<string, string>();
  for (const { kid, private_wrapped: text } of rows) if (text !== null) wrapped.set(kid, text);
  return { set: { generation: Number(first.generation), keys: rows.map(toRecord) }, wrapped };
}

/** The generation alone: what a rotation compares. */
export async function readGeneration(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ generation: string | number }>(
    'SELECT generation FROM key_generation',
  );
  return Number(rows[0]?.generation ?? 0);
}

/**
 * Writes the first or the next generation; who leaves PENDING and ACTIVE loses the private part for good.
 *
 * @param wrapped the private parts of new keys
 */
export async function writeKeySet(
  transaction: Queryable,
  set: KeySet,
  wrapped: ReadonlyMap<string, string>,
): Promise<void> {
  // ACTIVE leaves before PENDING follows: each of the two has a unique index.
  const order: readonly SigningKeyState[] = ['RETIRED', 'REVOKED', 'RETIRING', 'ACTIVE', 'PENDING'];
  const keys = [...set.keys].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  for (const key of keys)
    await transaction.query(
      `INSERT INTO signing_keys (kid, algorithm, public_jwk, private_wrapped, state, created_at, activates_at, retires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (kid) DO UPDATE SET state = excluded.state, activates_at = excluded.activates_at,
         retires_at = excluded.retires_at,
         private_wrapped = CASE WHEN excluded.state IN ('PENDING', 'ACTIVE') THEN signing_keys.private_wrapped END`,
      [
        key.kid,
        key.algorithm,
        JSON.stringify(key.publicJwk),
        wrapped.get(key.kid) ?? null,
        key.state,
        key.createdAt,
        key.activatesAt,
        key.retiresAt ?? null,
      ],
    );
  await transaction.query(
    'INSERT INTO key_generation (generation) VALUES ($1) ON CONFLICT (one) DO UPDATE SET generation = excluded.generation',
    [set.generation],
  );
}

function toRecord(row: KeyRow): KeyRecord {
  return {
    kid: row.kid,
    algorithm: row.algorithm,
    publicJwk: JSON.parse(row.public_jwk) as Jwk,
    state: row.state,
    createdAt: Number(row.created_at),
    activatesAt: Number(row.activates_at),
    retiresAt: row.retires_at === null ? undefined : Number(row.retires_at),
  };
}
