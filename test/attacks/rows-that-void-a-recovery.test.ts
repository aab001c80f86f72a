// The attacker has the login of the audit service's writer, and knows that the log has lost its tail: they want the recovery to
// forget that the entries that are left were signed, so that these can be rewritten.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { createRecoveryRoutes } from '../../subgraphs/audit/recovery-routes.ts';
import { readRecovery } from '../../subgraphs/audit/checkpoints/epoch.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { asSuperuser } from '../support/log-superuser.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { describeStores } from '../support/stores.ts';

describeStores('a recovery', (openStore) => {
  let audit: TestLog;
  let ask: (service: string, more?: object) => Promise<unknown>;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    const engine = compile(await loadPolicies('policies'));
    const status = { assertFresh: () => undefined, isServiceSuspended: () => false };
    const [route] = createRecoveryRoutes({
      ...audit.log,
      policies: () => engine,
      status,
      clock: createSystemClock(),
    });
    ask = async (service, more = {}) => {
      const peer = { spiffeId: `spiffe://aduana.local/${service}`, thumbprint: 't', chain: [], notAfter: Infinity }; // prettier-ignore
      const body = JSON.stringify({ reason: 'the standby lagged', ...more });
      const request = createServiceRequest({ path: '/audit/recover', peer, encrypted: true, body });
      return JSON.parse(String((await route?.handle(request))?.body)) as unknown;
    };
  });
  afterEach(() => audit.remove());

  async function post(count: number): Promise<string> {
    await audit.log.ingest.accept(
      'gateway',
      postedBody(...Array.from({ length: count }, () => postedEvent())),
    );
    await audit.log.advance();
    return (await audit.log.proofs.checkpoint()).note;
  }

  const addRows = async (size: number, count: number): Promise<void> => {
    const root = await audit.log.tree.root(size);
    for (let row = 0; row < count; row += 1)
      await audit.store.writer.query(
        `INSERT INTO checkpoints (size, root, note, signed_at) VALUES ($1, $2, 'x', now())`,
        [size, root],
      );
  };

  /** @param kept entries that are left */
  async function loseTail(kept: number, ...more: Parameters<typeof asSuperuser>[1][]): Promise<void> {
    await asSuperuser(
      audit,
      ['DELETE FROM entries WHERE seq >= $1', [kept]],
      ['DELETE FROM event_ids WHERE seq >= $1', [kept]],
      ['UPDATE head SET size = $1', [kept]],
      ...more,
    );
    await audit.log.advance();
  }

  test('keeps the newest signed tree, however many rows lie above it that nobody signed', async () => {
    const early = await post(30);
    await post(5);
    await loseTail(33, ['DELETE FROM checkpoints WHERE size > 33', []]);
    await addRows(32, 150);
    const sizes = { lost_size: 36, kept_size: 31 };
    expect(await ask('operator')).toEqual({ approved: 'operator', ...sizes });
    expect(await ask('auditor')).toEqual({ epoch: 2, ...sizes });
    expect((await readRecovery(audit.log.secrets, { fresh: true }))?.kept_note).toBe(early);
  });

  test('passes over signed trees whose entries are gone', async () => {
    await post(30);
    await post(3);
    await post(5);
    await loseTail(33, ['DELETE FROM checkpoints WHERE size = 39', []]);
    expect(await ask('operator')).toEqual({ approved: 'operator', lost_size: 39, kept_size: 31 });
  });

  test('keeps nothing only where both say so, and have seen that', async () => {
    await post(30);
    await post(5);
    await loseTail(33, ['DELETE FROM checkpoints WHERE size > 33', []]);
    expect(await ask('operator')).toMatchObject({ kept_size: 31 });
    await loseTail(33, ['DELETE FROM checkpoints WHERE size < 36', []]);
    await expect(ask('auditor')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    const nothing = { lost_size: 36, kept_size: 0 };
    const keepNothing = { keep_nothing: true };
    expect(await ask('auditor', keepNothing)).toEqual({ approved: 'auditor', ...nothing });
    expect(await ask('operator', keepNothing)).toEqual({ epoch: 2, ...nothing });
  });
});
