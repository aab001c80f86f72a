import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from './minimum-index.ts';
import { TamperedError } from './tampered-error.ts';
import type { TileAccumulator } from './tile-accumulator.ts';
import { verifyEntries } from './verify-entries.ts';

/**
 * As `verifyEntries`, where another replica, or this one, may let the entries go meanwhile.
 *
 * @returns false where they are gone, as the log has signed; `tree` has not grown then
 * @throws TamperedError at the first thing that does not hold
 */
export async function verifyKept(
  reader: Database,
  tree: TileAccumulator,
  to: number,
  onEvent: Parameters<typeof verifyEntries>[3],
  minimumIndex: Pick<MinimumIndex, 'verified'>,
): Promise<boolean> {
  try {
    await verifyEntries(reader, tree, to, onEvent);
    return true;
  } catch (error) {
    if (!(error instanceof TamperedError) || tree.size >= (await minimumIndex.verified())) throw error;
    return false;
  }
}
