import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { EventLedger } from '../../packages/audit-verifier/src/event-ledger.ts';
import { uuidv7 } from '@aduana/core/platform/ids';
import { SourceLedger } from '../../subgraphs/audit/checkpoints/source-ledger.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

const VICTIM = { instance: 'gateway@1', boot_id: 'the-boot' };

describeStores('a peer that names its sources as another peer does', (openStore) => {
  let audit: TestLog;
  beforeAll(async () => {
    audit = await openTestLog(openStore);
  });
  afterAll(() => audit.remove());

  const post = (peer: string, ...events: readonly object[]) =>
    audit.log.ingest.accept(peer, postedBody(...events.map((event) => postedEvent({ ...event }))));

  async function losses(peer: string): Promise<readonly { readonly detail: object }[]> {
    const { rows } = await audit.store.reader.query<{ canonical: string }>(
      `SELECT canonical FROM entries WHERE type = 'source.lost' AND canonical::json -> 'detail' ->> 'peer' = $1`,
      [peer],
    );
    return rows.map(({ canonical }) => JSON.parse(canonical) as { detail: object });
  }

  async function untilLost(peer: string): Promise<readonly { readonly detail: object }[]> {
    for (let attempt = 0; attempt < 4000; attempt += 1) {
      const found = await losses(peer);
      if (found.length > 0) return found;
      await wait(25);
    }
    throw new Error(`the crashed instance of ${peer} is not closed`);
  }

  test('cannot keep the crash of the other from being recorded', async () => {
    const outcome = uuidv7(1);
    await post(
      'gateway',
      { source: { ...VICTIM, n: 0 }, type: 'source.start' },
      { source: { ...VICTIM, n: 1 }, type: 'request.intent', detail: { audit_id: outcome } },
    );
    // its own source of the same name is lost, and stops
    await post(
      'leads',
      { source: { ...VICTIM, n: 0 }, type: 'source.start' },
      { source: { ...VICTIM, boot_id: 'another', n: 0 }, type: 'source.start' },
    );
    await untilLost('leads');
    await post('leads', { source: { ...VICTIM, n: 1 }, type: 'source.stop' });
    expect(await losses('gateway')).toEqual([]); // nothing has ended it yet
    await post('gateway', { source: { ...VICTIM, boot_id: 'next', n: 0 }, type: 'source.start' });
    expect(await untilLost('gateway')).toMatchObject([
      { detail: { peer: 'gateway', boot_id: 'the-boot', last_n: 1, open_intents: 1 } },
    ]);
  });

  test('cannot say itself that the other is lost, or what became of its requests', async () => {
    for (const type of ['source.lost', 'request.unknown'])
      await expect(
        post('leads', { source: { ...VICTIM, n: 2 }, type, detail: { peer: 'gateway', boot_id: 'next' } }),
      ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

const counted = (peer: string, bootId: string, n: number, members: object = {}) => ({
  id: uuidv7(2),
  time: '2026-01-01T00:00:00.000Z',
  type: 'request',
  source: { peer, instance: VICTIM.instance, boot_id: bootId, n },
  ...members,
});

test('who restarts often does not make the log forget what another source has counted', () => {
  const ledger = new SourceLedger();
  for (const n of [0, 2]) ledger.add(counted('gateway', 'the-boot', n));
  for (let boot = 0; boot < 10_100; boot += 1) ledger.add(counted('leads', String(boot), 0));
  expect(ledger.holes()).toMatchObject([{ bootId: 'the-boot', from: 1, to: 1 }]);
  ledger.add(counted('gateway', 'the-boot', 1));
  expect(ledger.holes()).toEqual([]);
});

test('an intent stays open whatever another peer than the log says of its outcome', () => {
  const intent = counted('gateway', 'the-boot', 0, { type: 'request.intent', detail: { audit_id: 'a' } });
  const forged = counted('leads', 'x', 0, {
    type: 'request.unknown',
    detail: { peer: 'gateway', audit_id: 'a' },
  });
  const recorded = { ...forged, source: { ...forged.source, peer: 'audit' } };
  const running = new SourceLedger();
  const offline = new EventLedger(false, Infinity);
  const openAfter = (event: typeof intent): readonly number[] => {
    running.add(event);
    offline.add(event, 0);
    return [running.openIntentsBefore(Infinity), offline.findings().openIntents.length];
  };
  expect(openAfter(intent)).toEqual([1, 1]);
  expect(openAfter(forged)).toEqual([1, 1]);
  expect(openAfter(recorded)).toEqual([0, 0]);
});
