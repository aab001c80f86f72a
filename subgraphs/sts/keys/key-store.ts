import type { Queryable } from '@aduana/core/store/database';
import type { KeyRecord, KeySet, SigningKeyState } from '@aduana/core/tokens/key-set';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { Jwk } from '@aduana/core/tokens/jwk';
import type { SigningKeysKind } from './key-custody.ts';
import type { PrivatePart } from './private-part.ts';

interface KeyRow {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly public_jwk: string;
  readonly held_in: SigningKeysKind;
  readonly private_wrapped: string | null;
  readonly reference: string | null;
  readonly state: SigningKeyState;
  readonly created_at: string | number;
  readonly activates_at: string | number;
  readonly retires_at: string | number | null;
}

/** A key set as stored, with the private parts that can still sign by kid: of PENDING, ACTIVE and what is to be ended. */
export interface StoredKeySet {
  readonly set: KeySet;
  readonly parts: ReadonlyMap<string, PrivatePart>;
}

/** @returns undefined before the first key was made */
export async function readKeySet(database: Queryable): Promise<StoredKeySet | undefined> {
  const { rows } = await database.query<KeyRow & { generation: string | number }>(
    'SELECT k.*, g.generation FROM signing_keys k CROSS JOIN key_generation g ORDER BY k.created_at, k.kid',
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  const parts = new Map<string, PrivatePart>();
  for (const row of rows) {
    const part = toPart(row);
    if (part !== undefined) parts.set(row.kid, part);
  }
  return { set: { generation: Number(first.generation), keys: rows.map(toRecord) }, parts };
}

/** The generation alone: what a rotation compares. */
export async function readGeneration(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ generation: string | number }>(
    'SELECT generation FROM key_generation',
  );
  return Number(rows[0]?.generation ?? 0);
}

/**
 * Writes the first or the next generation; what lies here of a key that leaves PENDING and ACTIVE is gone for good.
 *
 * @param parts the private parts of new keys
 */
export async function writeKeySet(
  transaction: Queryable,
  set: KeySet,
  parts: ReadonlyMap<string, PrivatePart>,
): Promise<void> {
  // ACTIVE leaves before PENDING follows: each of the two has a unique index.
  const order: readonly SigningKeyState[] = ['RETIRED', 'REVOKED', 'RETIRING', 'ACTIVE', 'PENDING'];
  const keys = [...set.keys].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  for (const key of keys) {
    const part = parts.get(key.kid);
    await transaction.query(
      `INSERT INTO signing_keys (kid, algorithm, public_jwk, state, created_at, activates_at, retires_at, held_in,
         private_wrapped, reference)
       VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, 'store'), $9, $10)
       ON CONFLICT (kid) DO UPDATE SET state = excluded.state, activates_at = excluded.activates_at,
         retires_at = excluded.retires_at,
         private_wrapped = CASE WHEN excluded.state IN ('PENDING', 'ACTIVE') THEN signing_keys.private_wrapped END`,
      [
        key.kid,
        key.algorithm,
        JSON.stringify(key.publicJwk),
        key.state,
        key.createdAt,
        key.activatesAt,
        key.retiresAt ?? null,
        part?.heldIn ?? null,
        part?.heldIn === 'store' ? part.wrapped : null,
        part === undefined || part.heldIn === 'store' ? null : part.reference,
      ],
    );
  }
  await transaction.query(
    'INSERT INTO key_generation (generation) VALUES ($1) ON CONFLICT (one) DO UPDATE SET generation = excluded.generation',
    [set.generation],
  );
}

/** Notes that a key can sign no more where it lies. */
export async function forgetReference(database: Queryable, kid: string): Promise<void> {
  await database.query(
    "UPDATE signing_keys SET reference = NULL WHERE kid = $1 AND state NOT IN ('PENDING', 'ACTIVE')",
    [kid],
  );
}

function toPart({ held_in: heldIn, private_wrapped: wrapped, reference }: KeyRow): PrivatePart | undefined {
  if (heldIn === 'store') return wrapped === null ? undefined : { heldIn, wrapped };
  return reference === null ? undefined : { heldIn, reference };
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
