import type { Queryable } from '@aduana/server-kit/store/database';
import { ContradictionError } from './contradiction-error.ts';
import type { FullTile } from './tile-accumulator.ts';

const TILES_PER_WRITE = 64;
const GIVEN = `
  SELECT level, index, decode(root, 'hex') AS root, decode(hashes, 'hex') AS hashes
  FROM json_to_recordset($1::json) AS t(level int, index bigint, root text, hashes text)`;
const STORE = `INSERT INTO tiles (level, index, root, hashes) ${GIVEN} ON CONFLICT DO NOTHING`;
const OTHERS = `
  SELECT t.level, t.index FROM (${GIVEN}) given JOIN tiles t ON t.level = given.level AND t.index = given.index
  WHERE t.root <> given.root OR t.hashes <> given.hashes ORDER BY t.level, t.index LIMIT 1`;

/**
 * Stores tiles that became full. Another replica may have stored the same.
 *
 * @throws ContradictionError where the database has another tile in the place of one
 */
export async function storeTiles(transaction: Queryable, tiles: readonly FullTile[]): Promise<void> {
  for (let at = 0; at < tiles.length; at += TILES_PER_WRITE) {
    const some = tiles.slice(at, at + TILES_PER_WRITE);
    const given = [JSON.stringify(some.map(inHex))];
    const { affected } = await transaction.query(STORE, given);
    if (affected < some.length) await assertSame(transaction, given);
  }
}

async function assertSame(transaction: Queryable, given: readonly string[]): Promise<void> {
  const { rows } = await transaction.query<{ level: number; index: number }>(OTHERS, given);
  const [other] = rows;
  if (other !== undefined)
    throw new ContradictionError(
      `tile ${String(other.level)}/${String(other.index)} is not the one of these entries`,
    );
}

function inHex({ level, index, root, hashes }: FullTile) {
  return { level, index, root: root.toString('hex'), hashes: hashes.toString('hex') };
}
