import { leafHash } from '@aduana/server-kit/audit/merkle';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { TestLog } from './open-test-log.ts';

/** Appends an entry with the login of the audit service's writer, with any text, and columns that need not be of it. */
export async function appendAsWriter(
  audit: TestLog,
  canonical: string,
  columns: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const hash = leafHash(canonical);
  const row = {
    ...{ id: uuidv7(Date.now()), peer: 'x', time: new Date().toISOString(), type: 'x', outcome: 'ALLOWED' },
    ...{ actor: 'x', instance: 'x', boot_id: 'x', n: 0 },
    ...columns,
  };
  await audit.store.writer.query('SELECT append_new($1, $2, $3)', [
    canonical,
    Buffer.concat([hash, hash]),
    JSON.stringify([row]),
  ]);
}
