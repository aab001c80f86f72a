import { SecurityError } from '@aduana/core/errors/security-error';
import type { Queryable } from '@aduana/server-kit/store/database';
import type { KeyRecord, KeySet, SigningKeyState } from '@aduana/server-kit/tokens/key-set';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { Jwk } from '@aduana/core/tokens/jwk';
import type { RowSeals, SealedColumns } from '@aduana/server-kit/seals/row-seals';
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
  readonly seal: string | null;
}

/** A key set as stored, with the private parts that can still sign by kid: of PENDING, ACTIVE and what is to be ended. */
export interface StoredKeySet {
  readonly set: KeySet;
  readonly parts: ReadonlyMap<string, PrivatePart>;
}

interface GenerationRow {
  readonly generation: string | number | null;
  readonly generation_seal: string | null;
}

type StoredRow = GenerationRow & (KeyRow | { readonly kid: null });

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

/** One statement, so that generation and keys are of one moment. */
async function readRows(database: Queryable): Promise<readonly StoredRow[]> {
  const { rows } = await database.query<StoredRow>(
    `SELECT k.*, g.generation, g.seal AS generation_seal FROM (SELECT 1) AS one
       LEFT JOIN key_generation g ON true LEFT JOIN signing_keys k ON true ORDER BY k.created_at, k.kid`,
  );
  return rows;
}

function isKey(row: StoredRow): row is GenerationRow & KeyRow {
  return row.kid !== null;
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

/** What a seal covers: the place (kid, state, generation) and all that is believed of a key. */
function columnsOf(row: Omit<KeyRow, 'seal'>, generation: number): SealedColumns {
  const part = toPart(row);
  return [
    row.kid,
    row.algorithm,
    row.public_jwk,
    row.state,
    Number(row.created_at),
    Number(row.activates_at),
    row.retires_at === null ? null : Number(row.retires_at),
    part?.heldIn ?? null,
    part === undefined ? null : part.heldIn === 'store' ? part.wrapped : part.reference,
    generation,
  ];
}

function toKeySet(generation: number, rows: readonly KeyRow[]): StoredKeySet {
  const parts = new Map<string, PrivatePart>();
  for (const row of rows) {
    const part = toPart(row);
    if (part !== undefined) parts.set(row.kid, part);
  }
  return { set: { generation, keys: rows.map(toRecord) }, parts };
}

function toRow(key: KeyRecord, part: PrivatePart | undefined): Omit<KeyRow, 'seal'> {
  const signs = key.state === 'PENDING' || key.state === 'ACTIVE';
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    public_jwk: JSON.stringify(key.publicJwk),
    held_in: part?.heldIn ?? 'store',
    private_wrapped: signs && part?.heldIn === 'store' ? part.wrapped : null,
    reference: part === undefined || part.heldIn === 'store' ? null : part.reference,
    state: key.state,
    created_at: key.createdAt,
    activates_at: key.activatesAt,
    retires_at: key.retiresAt ?? null,
  };
}

function toPart({
  held_in: heldIn,
  private_wrapped: wrapped,
  reference,
}: Pick<KeyRow, 'held_in' | 'private_wrapped' | 'reference'>): PrivatePart | undefined {
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
