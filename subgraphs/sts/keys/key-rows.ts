import type { SealedColumns } from '@aduana/server-kit/seals/row-seals';
import type { Queryable } from '@aduana/server-kit/store/database';
import type { KeyRecord, KeySet, SigningKeyState } from '@aduana/server-kit/tokens/key-set';
import type { Jwk } from '@aduana/core/tokens/jwk';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { SigningKeysKind } from './key-custody.ts';
import type { PrivatePart } from './private-part.ts';

/** A key as its row has it. */
export interface KeyRow {
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

/** The generation of the set, beside each of its keys. */
export interface GenerationRow {
  readonly generation: string | number | null;
  readonly generation_seal: string | null;
}

export type StoredRow = GenerationRow & (KeyRow | { readonly kid: null });

/** Reads all keys with their generation. One statement, so that generation and keys are of one moment. */
export async function readRows(database: Queryable): Promise<readonly StoredRow[]> {
  const { rows } = await database.query<StoredRow>(
    `SELECT k.*, g.generation, g.seal AS generation_seal FROM (SELECT 1) AS one
       LEFT JOIN key_generation g ON true LEFT JOIN signing_keys k ON true ORDER BY k.created_at, k.kid`,
  );
  return rows;
}

export function isKey(row: StoredRow): row is GenerationRow & KeyRow {
  return row.kid !== null;
}

/** What a seal covers: the place (kid, state, generation) and all that is believed of a key. */
export function columnsOf(row: Omit<KeyRow, 'seal'>, generation: number): SealedColumns {
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

export function toKeySet(generation: number, rows: readonly KeyRow[]): StoredKeySet {
  const parts = new Map<string, PrivatePart>();
  for (const row of rows) {
    const part = toPart(row);
    if (part !== undefined) parts.set(row.kid, part);
  }
  return { set: { generation, keys: rows.map(toRecord) }, parts };
}

export function toRow(key: KeyRecord, part: PrivatePart | undefined): Omit<KeyRow, 'seal'> {
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
