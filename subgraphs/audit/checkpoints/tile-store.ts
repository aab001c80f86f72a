import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import { TileNodes } from './tile-nodes.ts';

/** Tiles hold the hashes of eight levels at once (c2sp.org/tlog-tiles). */
export const TILE_HASHES = 256;

/** The first `width` hashes of a tile. */
export interface WantedTile {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** A missing hash is a hole in what the database holds: nothing can be proved over it. */
export class MissingHashError extends Error {
  override readonly name = 'MissingHashError';
}

/** Looks up a tile that was loaded. */
export type LoadedTiles = (level: number, index: number) => TileNodes;

export interface TileStore {
  /**
   * Loads tiles, in one statement, and one more for the last leaves.
   *
   * @throws MissingHashError
   */
  load(wanted: readonly WantedTile[]): Promise<LoadedTiles>;
}

const CACHED_TILES = 1024;
const NO_NODES = new TileNodes(Buffer.alloc(0));

/** A full tile has a row; of one that is not full yet the hashes are the roots of those below. */
const LOAD = `
  SELECT w.level, w.index, coalesce(t.hashes, below.hashes) AS hashes
  FROM json_to_recordset($1::json) AS w(level int, index bigint, width int)
  LEFT JOIN LATERAL (
    SELECT one.hashes FROM tiles one WHERE one.level = w.level AND one.index = w.index LIMIT 1
  ) t ON true
  LEFT JOIN LATERAL (
    SELECT string_agg(b.root, ''::bytea ORDER BY b.index) AS hashes FROM tiles b
    WHERE t.hashes IS NULL AND b.level = w.level - 1
      AND b.index >= w.index * ${String(TILE_HASHES)} AND b.index < w.index * ${String(TILE_HASHES)} + w.width
  ) below ON true`;

/** Of level 0 only the last tile can lack a row; a statement over all partitions of entries takes longer to plan than to run. */
const LOAD_LAST = `
  SELECT string_agg(leaf_hash, ''::bytea ORDER BY seq) AS hashes FROM entries WHERE seq >= $1 AND seq < $2`;

/** What was loaded stays true, full or not: a log only grows. */
export function createTileStore(reader: Database, clock: Clock): TileStore {
  const cache = createBoundedCache<TileNodes>(clock, CACHED_TILES);

  async function loadInto(tiles: Map<string, TileNodes>, missing: readonly WantedTile[]): Promise<void> {
    const { rows } = await reader.query<{ level: number; index: number; hashes: Buffer | null }>(LOAD, [
      JSON.stringify(missing),
    ]);
    for (const { level, index, hashes } of rows) {
      const loaded = hashes ?? (level === 0 ? await loadLast(index, missing) : null);
      if (loaded === null) continue;
      const nodes = new TileNodes(loaded);
      tiles.set(keyOf(level, index), nodes);
      cache.set(keyOf(level, index), nodes);
    }
  }

  async function loadLast(index: number, missing: readonly WantedTile[]): Promise<Buffer | null> {
    const from = index * TILE_HASHES;
    const width = missing.find((tile) => tile.level === 0 && tile.index === index)?.width ?? 0;
    const { rows } = await reader.query<{ hashes: Buffer | null }>(LOAD_LAST, [from, from + width]);
    return rows[0]?.hashes ?? null;
  }

  return {
    async load(wanted) {
      const tiles = new Map<string, TileNodes>();
      const widest = new Map<string, WantedTile>();
      for (const tile of wanted) {
        const key = keyOf(tile.level, tile.index);
        if ((widest.get(key)?.width ?? 0) < tile.width) widest.set(key, tile);
      }
      const missing: WantedTile[] = [];
      for (const [key, tile] of widest) {
        const cached = cache.get(key);
        if (cached !== undefined && cached.width >= tile.width) tiles.set(key, cached);
        else missing.push(tile);
      }
      if (missing.length > 0) await loadInto(tiles, missing);
      for (const [key, { width }] of widest)
        if ((tiles.get(key)?.width ?? 0) < width)
          throw new MissingHashError(`a hash of tile ${key} is missing`);
      return (level, index) => tiles.get(keyOf(level, index)) ?? NO_NODES;
    },
  };
}

function keyOf(level: number, index: number): string {
  return `${String(level)}/${String(index)}`;
}
