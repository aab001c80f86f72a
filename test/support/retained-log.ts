import { type Clock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { AUDIT_SCHEMA } from '../../subgraphs/audit/log/schema.ts';
import { createMinimumIndex } from '../../subgraphs/audit/checkpoints/minimum-index.ts';
import { type TestLog } from './open-test-log.ts';

const DAY_MS = 86_400_000;

/** What retention works with, over a log of a test; signing is an error. */
export function retentionOf(audit: TestLog, clock: Clock) {
  const { store, log } = audit;
  const minimumIndex = createMinimumIndex({
    ...store,
    clock,
    signers: () => {
      throw new Error('nothing is to be signed');
    },
  });
  return {
    ...store,
    tree: log.tree,
    minimumIndex,
    keepMilliseconds: 90 * DAY_MS,
    audit: log.audit,
    instance: 'audit@1',
    advance: log.advance,
    signedSize: async () => (await log.proofs.checkpoint()).size,
    onTampered: (reason: string) => {
      throw new Error(reason);
    },
    clock,
    log: createLog('silent', () => undefined),
  };
}

/** As the database's superuser, who can switch every trigger off. */
export async function asSuperuser(audit: TestLog, statement: string): Promise<void> {
  await audit.store.superuser.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL search_path TO ${AUDIT_SCHEMA}`);
    for (const table of ['tiles', 'checkpoints'])
      await transaction.query(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    await transaction.query(statement);
  });
}
