import { EMPTY_ROOT, leafHash, nodeHash } from './merkle.ts';
import type { SignedTree } from './note.ts';
import { Tampering } from './problems.ts';
import { bundleEntries, type Tile, TILE_WIDTH, tilePath } from './tile-path.ts';

/** What lies at a path below the log's address; undefined where nothing does. */
export type ReadObject = (path: string) => Promise<Buffer | undefined>;

const HASH_BYTES = 32;
const KEPT_TILES = 64;

/**
 * The tiles of a signed tree, none of which is believed: those at the right edge must give the signed root, and each other
 * one the hash that the tile above it holds. So the object that was changed is the one that is named.
 */
export class TileTree {
  readonly #read: ReadObject;
  readonly #signed: SignedTree;
  /** The tiles at the right edge that are not full, by their path. */
  readonly #edge = new Map<string, Buffer>();
  /** Other verified tiles by their path, and those that are being verified. */
  readonly #kept = new Map<string, Promise<Buffer>>();

  constructor(read: ReadObject, signed: SignedTree) {
    this.#read = read;
    this.#signed = signed;
  }

  /** @throws Tampering where the tiles at the right edge do not give the signed root */
  async verifyEdge(): Promise<void> {
    const { size, root } = this.#signed;
    const edge: Tile[] = [];
    for (let level = 0, nodes = size; nodes > 0; level += 1, nodes = Math.floor(nodes / TILE_WIDTH))
      if (nodes % TILE_WIDTH > 0)
        edge.unshift({ level, index: Math.floor(nodes / TILE_WIDTH), width: nodes % TILE_WIDTH });
    const contents = await Promise.all(edge.map((tile) => this.#readTile(tile)));
    const subtrees = contents.flatMap(completeSubtrees);
    if (!foldRight(subtrees).equals(root))
      throw new Tampering(`${edge.map(tilePath).join(', ')}: the root is not the one that is signed`);
    for (const [at, tile] of edge.entries()) this.#edge.set(tilePath(tile), contents[at] ?? EMPTY_ROOT);
  }

  /** The hashes of a tile, one after the other. @throws Tampering where it is not the one that is signed */
  async hashes(level: number, index: number): Promise<Buffer> {
    const nodes = Math.floor(this.#signed.size / TILE_WIDTH ** level);
    const tile = { level, index, width: Math.min(TILE_WIDTH, nodes - index * TILE_WIDTH) };
    if (tile.width <= 0) throw new Tampering(`the signed tree ends before tile ${String(index)}`);
    const path = tilePath(tile);
    const known = this.#edge.get(path) ?? this.#kept.get(path);
    if (known !== undefined) return known;
    const verifying = this.#verified(tile);
    this.#keep(path, verifying);
    return verifying;
  }

  /** The entries of a bundle. @throws Tampering where one is not the one that is signed */
  async entries(index: number): Promise<readonly Buffer[]> {
    const from = index * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, this.#signed.size - from);
    const [hashes, { path, content }] = await Promise.all([
      this.hashes(0, index),
      this.#readPart({ level: 'entries', index, width }),
    ]);
    const entries = bundleEntries(content)?.slice(0, width);
    if (entries?.length !== width) throw new Tampering(`${path} does not hold ${String(width)} entries`);
    for (const [at, entry] of entries.entries())
      if (!leafHash(entry).equals(hashAt(hashes, at)))
        throw new Tampering(`${path}: entry ${String(from + at)} is not the one that is signed`);
    return entries;
  }

  async #verified(tile: Tile & { readonly level: number }): Promise<Buffer> {
    const content = await this.#readTile(tile);
    const above = await this.hashes(tile.level + 1, Math.floor(tile.index / TILE_WIDTH));
    if (!rootOf(content).equals(hashAt(above, tile.index % TILE_WIDTH)))
      throw new Tampering(`${tilePath(tile)} is not the one that is signed`);
    return content;
  }

  async #readTile(tile: Tile): Promise<Buffer> {
    const { path, content } = await this.#readPart(tile);
    const length = tile.width * HASH_BYTES;
    if (content.length < length || (content.length > length && content.length !== TILE_WIDTH * HASH_BYTES))
      throw new Tampering(`${path} is no tile of ${String(tile.width)} hashes`);
    return content.subarray(0, length);
  }

  /** A part of a tile goes once the tile is full: then that one holds it. */
  async #readPart(tile: Tile): Promise<{ readonly path: string; readonly content: Buffer }> {
    for (const path of new Set([tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH })])) {
      const content = await this.#read(path);
      if (content !== undefined) return { path, content };
    }
    throw new Tampering(`${tilePath(tile)} is missing`);
  }

  #keep(path: string, content: Promise<Buffer>): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= KEPT_TILES && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(path, content);
  }
}

function hashAt(hashes: Buffer, at: number): Buffer {
  return hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
}

/** The root over as many hashes as a power of two. */
function rootOf(hashes: Buffer): Buffer {
  let row = Array.from({ length: hashes.length / HASH_BYTES }, (_, at) => hashAt(hashes, at));
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, pair) =>
      nodeHash(row[pair * 2] ?? EMPTY_ROOT, row[pair * 2 + 1] ?? EMPTY_ROOT),
    );
  return row[0] ?? EMPTY_ROOT;
}

/** The roots of the complete subtrees that a tile which is not full is made of, left to right. */
function completeSubtrees(hashes: Buffer): readonly Buffer[] {
  const subtrees: Buffer[] = [];
  for (let at = 0; at < hashes.length;) {
    let bytes = (TILE_WIDTH / 2) * HASH_BYTES;
    while (bytes > hashes.length - at) bytes /= 2;
    subtrees.push(rootOf(hashes.subarray(at, at + bytes)));
    at += bytes;
  }
  return subtrees;
}

/** The root over subtrees whose sizes fall from left to right (RFC 9162 section 2.1.2). */
function foldRight(subtrees: readonly Buffer[]): Buffer {
  const [last, ...others] = subtrees.toReversed();
  return last === undefined ? EMPTY_ROOT : others.reduce((right, left) => nodeHash(left, right), last);
}
