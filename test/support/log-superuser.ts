import { canonicalText } from '@aduana/client/audit/canonical';
import { leafHash, nodeHash } from '@aduana/server-kit/audit/merkle';
import { AUDIT_SCHEMA } from '../../subgraphs/audit/log/schema.ts';
import type { TestLog } from './open-test-log.ts';

type Statement = readonly [sql: string, parameters: readonly unknown[]];

const TABLES = ['entries', 'entries_00000000', 'event_ids', 'tiles', 'checkpoints'];

/** Changes the tables of a log, past the triggers that keep them append-only. */
export async function asSuperuser(audit: TestLog, ...statements: readonly Statement[]): Promise<void> {
  await audit.store.superuser.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL search_path TO ${AUDIT_SCHEMA}`);
    for (const table of TABLES) await transaction.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    for (const [statement, parameters] of statements) await transaction.query(statement, parameters);
    for (const table of TABLES) await transaction.query(`ALTER TABLE ${table} ENABLE TRIGGER ALL`);
  });
}

/** Rewrites an entry that is signed, and the tile over it or only the root that the tile states. */
export async function rewriteEntry(
  audit: TestLog,
  seq: number,
  part: 'tile' | 'root' = 'tile',
): Promise<void> {
  const { superuser } = audit.store;
  const at = Math.floor(seq / 256);
  const { rows: [entry] } = await superuser.query<{ canonical: string }>('SELECT canonical FROM audit.entries WHERE seq = $1', [seq]); // prettier-ignore
  const { rows: [tile] } = await superuser.query<{ hashes: Buffer }>('SELECT hashes FROM audit.tiles WHERE level = 0 AND index = $1', [at]); // prettier-ignore
  const forged = canonicalText({ ...(JSON.parse(entry!.canonical) as object), detail: { x: 'FORGED' } });
  const hashes = Buffer.from(tile!.hashes);
  leafHash(forged).copy(hashes, (seq % 256) * 32);
  const stated = part === 'root' ? tile!.hashes : hashes;
  await asSuperuser(
    audit,
    ['UPDATE entries SET canonical = $1, leaf_hash = $2 WHERE seq = $3', [forged, leafHash(forged), seq]],
    ['UPDATE tiles SET hashes = $1, root = $2 WHERE level = 0 AND index = $3', [stated, rootOf(hashes), at]],
  );
}

/** Of a full tile: 256 hashes. */
export function rootOf(hashes: Buffer): Buffer {
  let row = Array.from({ length: 256 }, (_, at) => hashes.subarray(at * 32, at * 32 + 32));
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, at) => nodeHash(row[2 * at]!, row[2 * at + 1]!));
  return row[0]!;
}
