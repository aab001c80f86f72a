import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';

/** @throws SecurityError `AUDIT_ENTRY_GONE` for an entry below the minimum index */
export async function assertKept(seq: number, minimumIndex: Pick<MinimumIndex, 'current'>): Promise<void> {
  const minimum = await minimumIndex.current();
  if (seq < minimum)
    throw new SecurityError('AUDIT_ENTRY_GONE', { extensions: { minimumIndex: String(minimum) } });
}

/**
 * Distinguishes an event that never was from one that was dropped: its id is kept, so that it is never recorded twice.
 *
 * @throws SecurityError `AUDIT_ENTRY_GONE`
 */
export async function assertNotDropped(
  id: string,
  {
    reader,
    minimumIndex,
  }: { readonly reader: Database; readonly minimumIndex: Pick<MinimumIndex, 'current'> },
): Promise<void> {
  const { rows } = await reader.query<{ seq: number }>(
    'SELECT seq FROM event_ids WHERE id = $1 ORDER BY seq DESC LIMIT 1',
    [id],
  );
  if (rows[0] !== undefined) await assertKept(rows[0].seq, minimumIndex);
}
