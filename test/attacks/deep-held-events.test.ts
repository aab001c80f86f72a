/** The attacker has the certificate of one service, and wants an audit replica that holds copies to fail. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { type CutStore, cutStore } from '../support/cut-store.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describePostgres } from '../support/stores.ts';
import { until } from '../support/until.ts';

const deepBody = (n: number, depth: number): string => {
  const source = { instance: 'gateway@1', boot_id: 'a', n };
  const body = postedBody(postedEvent({ source, detail: { deep: 'DEEP' } }));
  return body.replace('"DEEP"', '['.repeat(depth) + ']'.repeat(depth));
};

describePostgres('an event that is nested deeper than an event may be', (openStore) => {
  let cut: CutStore;
  let audit: TestLog;
  beforeEach(() => {
    cut = cutStore(openStore);
  });
  afterEach(async () => {
    await cut.link().up();
    await audit.remove();
    await cut.close();
  });

  test('is held as the log would keep it, and is the same event where its source sends it too', async () => {
    audit = await openTestLog(cut.open, { SPOOL: 'replicated' });
    await cut.link().down();
    const bodies = [20, 31, 32, 33, 5000, 20_000, 1_000_000].map((depth, n) => deepBody(n, depth));
    for (const body of bodies) expect(await audit.log.held.hold('gateway', body)).toBe(1);
    await cut.link().up();
    await until(() => audit.log.held.isEmpty);
    await until(() => audit.log.ingest.accept('gateway', bodies[0] ?? '').then(() => true, () => false)); // prettier-ignore
    for (const body of bodies) expect(await audit.log.ingest.accept('gateway', body)).toBe(1);
    const { rows } = await audit.store.superuser.query<{ canonical: string }>(
      `SELECT canonical FROM audit.entries WHERE peer = 'gateway' ORDER BY seq`,
    );
    const deepest = (text: string): number => text.split(']]')[0]?.split('[').length ?? 0;
    expect(rows).toHaveLength(bodies.length);
    expect(Math.max(...rows.map(({ canonical }) => deepest(canonical)))).toBeLessThan(50);
    expect(rows.at(-1)?.canonical).toContain('"truncated":true');
  });
});
