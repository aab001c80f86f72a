import { SecurityError } from '@aduana/core/errors/security-error';
import type { Queryable } from '@aduana/server-kit/store/database';
import type { KeySet, SigningKeyState } from '@aduana/server-kit/tokens/key-set';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { columnsOf, isKey, readRows, type StoredKeySet, toKeySet, toRow } from './key-rows.ts';
import type { PrivatePart } from './private-part.ts';

/** The set whose latest generation is remembered. */
const SET = 'signing-keys';
const TABLE = 'signing_keys';

/**
 * Reads the keys that the STS wrote itself; any other row is reported and left out.
 *
 * @returns undefined before the first key was made
 * @throws SecurityError `temporarily_unavailable` where the generation itself was forged or rolled back
 */
export async function readKeySet(database: Queryable, seals: RowSeals): Promise<StoredKeySet | undefined> {
  const latest = seals.latest.known().get(SET) ?? 0;
  const rows = await readRows(database);
  const [first] = rows;
  const keys = rows.filter(isKey);
  if (first?.generation == null && keys.length === 0) {
    seals.forged.found('key_generation', []);
    seals.forged.found(TABLE, []);
    return undefined;
  }
  const generation = Number(first?.generation ?? 0);
  assertGeneration(generation, first?.generation_seal ?? null, latest, seals);
  const own = keys.filter((row) => seals.holds(TABLE, columnsOf(row, generation), row.seal));
  seals.forged.found(
    TABLE,
    keys
      .filter((row) => !own.includes(row))
      .map((row) => ({
        table: TABLE,
        row: row.kid,
        problem: `its seal is none of generation ${String(generation)}`,
      })),
  );
  seals.latest.note(SET, generation);
  return toKeySet(generation, own);
}

/** The keys as they are stored, whoever wrote them: for what only looks. */
export async function readUnverifiedKeySet(database: Queryable): Promise<StoredKeySet | undefined> {
  const rows = await readRows(database);
  const keys = rows.filter(isKey);
  return keys.length === 0 ? undefined : toKeySet(Number(rows[0]?.generation ?? 0), keys);
}

/** The generation alone: what a rotation compares. */
export async function readGeneration(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ generation: string | number }>(
    'SELECT generation FROM key_generation',
  );
  return Number(rows[0]?.generation ?? 0);
}

/**
 * Writes the first or the next generation, sealed; what is kept here of a key that leaves PENDING and ACTIVE is deleted
 * for good.
 *
 * @param parts the private parts of all keys, new ones included
 */
export async function writeKeySet(
  transaction: Queryable,
  { generation, keys }: KeySet,
  parts: ReadonlyMap<string, PrivatePart>,
  seals: RowSeals,
): Promise<void> {
  // ACTIVE leaves before PENDING follows: each of the two has a unique index.
  const order: readonly SigningKeyState[] = ['RETIRED', 'REVOKED', 'RETIRING', 'ACTIVE', 'PENDING'];
  for (const key of [...keys].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))) {
    const row = toRow(key, parts.get(key.kid));
    await transaction.query(
      `INSERT INTO signing_keys (kid, algorithm, public_jwk, state, created_at, activates_at, retires_at, held_in,
         private_wrapped, reference, seal)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       ON CONFLICT (kid) DO UPDATE SET state = excluded.state, activates_at = excluded.activates_at,
         retires_at = excluded.retires_at, private_wrapped = excluded.private_wrapped, seal = excluded.seal`,
      [
        row.kid,
        row.algorithm,
        row.public_jwk,
        row.state,
        row.created_at,
        row.activates_at,
        row.retires_at,
        row.held_in,
        row.private_wrapped,
        row.reference,
        seals.seal(TABLE, columnsOf(row, generation)),
      ],
    );
  }
  await transaction.query(
    `INSERT INTO key_generation (generation, seal) VALUES ($1, $2)
     ON CONFLICT (one) DO UPDATE SET generation = excluded.generation, seal = excluded.seal`,
    [generation, seals.seal('key_generation', [generation])],
  );
}

/** Where the set was emptied, the next one counts on from what was seen before. */
export function nextGeneration(seals: RowSeals): number {
  return (seals.latest.known().get(SET) ?? 0) + 1;
}

/** Notes that a key can sign no more where it is kept; call it under the lock of rotations. */
export async function forgetReference(transaction: Queryable, kid: string, seals: RowSeals): Promise<void> {
  const rows = await readRows(transaction);
  const generation = Number(rows[0]?.generation ?? 0);
  const row = rows.filter(isKey).find((one) => one.kid === kid);
  if (row === undefined || row.state === 'PENDING' || row.state === 'ACTIVE') return;
  if (!seals.holds(TABLE, columnsOf(row, generation), row.seal)) return;
  await transaction.query('UPDATE signing_keys SET reference = NULL, seal = $2 WHERE kid = $1', [
    kid,
    seals.seal(TABLE, columnsOf({ ...row, reference: null }, generation)),
  ]);
}

/**
 * Seals the rows of a release without seals.
 *
 * @returns how many
 */
export async function sealOlderKeys(transaction: Queryable, seals: RowSeals): Promise<number> {
  const rows = await readRows(transaction);
  const keys = rows.filter(isKey);
  if (rows[0]?.generation == null) return 0;
  const generation = Number(rows[0].generation);
  for (const row of keys)
    await transaction.query('UPDATE signing_keys SET seal = $2 WHERE kid = $1', [
      row.kid,
      seals.seal(TABLE, columnsOf(row, generation)),
    ]);
  await transaction.query('UPDATE key_generation SET seal = $1', [
    seals.seal('key_generation', [generation]),
  ]);
  seals.latest.note(SET, generation);
  return keys.length + 1;
}

function assertGeneration(generation: number, seal: string | null, latest: number, seals: RowSeals): void {
  const problem = !seals.holds('key_generation', [generation], seal)
    ? 'its seal does not hold'
    : generation < latest
      ? `generation ${String(latest)} was seen before`
      : undefined;
  const row = `generation ${String(generation)}`;
  seals.forged.found(
    'key_generation',
    problem === undefined ? [] : [{ table: 'key_generation', row, problem }],
  );
  if (problem !== undefined)
    throw new SecurityError('temporarily_unavailable', {
      detail: `the signing keys were changed or rolled back in the database: ${row}, ${problem}`,
    });
}
