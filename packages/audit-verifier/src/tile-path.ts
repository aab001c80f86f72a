/** How many hashes a full tile holds, and how many entries a full bundle. */
export const TILE_WIDTH = 256;

/** A tile, or a bundle of entries, or the first of one that is not full yet. */
export interface Tile {
  /** `entries` is a bundle of the leaves themselves. */
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
}

/** Where a tile lies below the log's address, such as `tile/0/x001/067` or `tile/entries/000.p/17` (c2sp.org/tlog-tiles). */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0');
  const groups = digits.match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${String(level)}/${name}${width === TILE_WIDTH ? '' : `.p/${String(width)}`}`;
}

/** The entries of a bundle, each after its length in two bytes; undefined where the lengths do not fit, or more than a full bundle holds follow. */
export function bundleEntries(bundle: Buffer): readonly Buffer[] | undefined {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length;) {
    if (at + 2 > bundle.length || entries.length === TILE_WIDTH) return undefined;
    const end = at + 2 + bundle.readUInt16BE(at);
    if (end > bundle.length) return undefined;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
