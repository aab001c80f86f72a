import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import { TILE_HASHES } from '../checkpoints/tile-store.ts';
import type { TreeReader } from '../checkpoints/tree-reader.ts';
import type { TilePath } from './tile-path.ts';

const MAX_ENTRY_BYTES = 65_535;

/** The media type of tiles and of bundles of entries. */
export const TILE_TYPE = 'application/octet-stream';

/**
 * The bytes of a tile, or of a bundle of entries (c2sp.org/tlog-tiles).
 *
 * @throws SecurityError `NOT_FOUND` where entries are gone or too long for a bundle
 * @throws MissingHashError
 */
export async function readTile(
  asked: TilePath,
  { reader, tree }: { readonly reader: Database; readonly tree: Pick<TreeReader, 'tile'> },
): Promise<Buffer> {
  return asked.level === 'entries'
    ? readEntries(reader, asked)
    : Buffer.concat(await tree.tile(asked.level, asked.index, asked.width));
}

/** Each entry as its length in two bytes and its canonical text. */
async function readEntries(reader: Database, { index, width }: TilePath): Promise<Buffer> {
  const from = index * TILE_HASHES;
  const { rows } = await reader.query<{ canonical: string }>(
    'SELECT canonical FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq',
    [from, from + width],
  );
  if (rows.length !== width) throw new SecurityError('NOT_FOUND', { detail: 'entries are gone' });
  return Buffer.concat(
    rows.flatMap(({ canonical }) => {
      const bytes = Buffer.from(canonical);
      if (bytes.length > MAX_ENTRY_BYTES)
        throw new SecurityError('NOT_FOUND', { detail: 'an entry is too long' });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}
