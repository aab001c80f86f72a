import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { IntegrityWatch } from '../../../subgraphs/audit/checkpoints/integrity-watch.ts';
import { TileAccumulator } from '../../../subgraphs/audit/checkpoints/tile-accumulator.ts';
import { verifyKept } from '../../../subgraphs/audit/checkpoints/verify-kept.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { createHurriedClock } from '../../support/hurried-clock.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

const KEPT_FROM = 256;

describeStores('the watch over the log', (openStore) => {
  let audit: TestLog;
  let findings: string[];
  beforeEach(async () => {
    findings = [];
    audit = await openTestLog(openStore);
    const events = Array.from({ length: 300 }, (_, n) =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n } }),
    );
    await audit.log.ingest.accept('gateway', postedBody(...events));
    await audit.log.advance();
  });
  afterEach(() => audit.remove());

  /** What another replica does while this one looks at its entries: it lets the first go. */
  function droppedMeanwhile(announced: number) {
    const told = [0];
    return {
      async verified() {
        const minimumIndex = told.shift() ?? announced;
        if (told.length === 0)
          await audit.store.superuser.transaction(async (transaction) => {
            await transaction.query('ALTER TABLE entries_00000000 DISABLE TRIGGER ALL');
            await transaction.query(`DELETE FROM entries_00000000 WHERE seq < ${String(KEPT_FROM)}`);
          });
        return minimumIndex;
      },
    };
  }

  const openWatch = (minimumIndex: { verified(): Promise<number> }) =>
    IntegrityWatch.start({
      reader: audit.log.reader,
      tree: audit.log.tree,
      clock: createHurriedClock(100),
      log: createLog('silent', () => undefined),
      file: join(audit.home, 'watched'),
      signedSize: async () => (await audit.log.proofs.checkpoint()).size,
      minimumIndex,
      onTampered: (reason) => void findings.push(reason),
      onIncomplete: () => undefined,
    });

  test('takes entries that are let go while it looks at them for no tampering', async () => {
    const watch = await openWatch(droppedMeanwhile(KEPT_FROM));
    await watch.verifyNew();
    expect({ findings, verified: watch.verifiedSize }).toEqual({ findings: [], verified: 301 });
    await watch.stop();
  });

  test('finds entries that are gone without an announcement that reaches so far', async () => {
    const watch = await openWatch(droppedMeanwhile(0));
    await watch.verifyNew();
    expect(findings).toEqual(['entry 0 is missing']);
    await watch.stop();
  });

  test('lets a replica that is about to drop entries know that another one has', async () => {
    const minimumIndex = droppedMeanwhile(KEPT_FROM);
    await minimumIndex.verified();
    const tree = new TileAccumulator();
    expect(await verifyKept(audit.log.reader, tree, 100, () => undefined, minimumIndex)).toBe(false);
    expect(tree.size).toBe(0);
  });

  test('counts no entry twice where it is asked twice at once', async () => {
    const watch = await openWatch({ verified: () => Promise.resolve(0) });
    await Promise.all([watch.verifyNew(), watch.verifyNew()]);
    expect({ findings, verified: watch.verifiedSize }).toEqual({ findings: [], verified: 301 });
    await watch.stop();
  });
});
