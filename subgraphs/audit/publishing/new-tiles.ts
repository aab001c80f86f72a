import { TILE_HASHES } from '../checkpoints/tile-store.ts';
import type { TilePath } from '../reading/tile-path.ts';

/** The tiles and bundles of a tree of `to` leaves that a tree of `from` leaves does not have, the lowest level first. */
export function* newTiles(from: number, to: number): Generator<TilePath> {
  for (const { level, before, now } of levelsOf(from, to)) {
    const full = Math.floor(now / TILE_HASHES);
    for (let index = Math.floor(before / TILE_HASHES); index < full; index += 1)
      yield { level, index, width: TILE_HASHES };
    if (now > before && now % TILE_HASHES > 0) yield { level, index: full, width: now % TILE_HASHES };
  }
}

/** The tiles that are full in a tree of `to` leaves and were a part in one of `from`: their parts may go. */
export function* filledTiles(from: number, to: number): Generator<TilePath> {
  for (const { level, before, now } of levelsOf(from, to)) {
    const index = Math.floor(before / TILE_HASHES);
    if (before % TILE_HASHES > 0 && Math.floor(now / TILE_HASHES) > index)
      yield { level, index, width: TILE_HASHES };
  }
}

interface LevelGrowth {
  readonly level: TilePath['level'];
  /** Nodes of the smaller and of the larger tree. */
  readonly before: number;
  readonly now: number;
}

function* levelsOf(from: number, to: number): Generator<LevelGrowth> {
  yield { level: 'entries', before: from, now: to };
  for (let level = 0, [before, now] = [from, to]; now > 0; level += 1) {
    yield { level, before, now };
    [before, now] = [Math.floor(before / TILE_HASHES), Math.floor(now / TILE_HASHES)];
  }
}
