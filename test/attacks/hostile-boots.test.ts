/** The attacker has the certificate of one service, and names as many boots as it likes in what is held and appended of it. */
import { expect, test } from '@jest/globals';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { createIngest } from '../../subgraphs/audit/log/ingest.ts';
import type { Sequencer } from '../../subgraphs/audit/log/sequencer.ts';
import type { SubjectKeys } from '../../subgraphs/audit/log/subject-keys.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';

/** An ingest whose closings are counted, and wait or fail as the test says. */
function openIngest() {
  const closings: (readonly string[])[] = [];
  const control: { before: () => Promise<void> } = { before: () => Promise.resolve() };
  const time = { skipped: 0 };
  const system = createSystemClock();
  const reader = {
    async query(_: string, [, late]: readonly unknown[]) {
      closings.push(late as readonly string[]);
      await control.before();
      return { rows: [], affected: 0 };
    },
  };
  const sequencer: Sequencer = {
    append: (entries) => Promise.resolve(entries.map((_, seq) => ({ seq, result: 'added' as const }))),
  };
  const ingest = createIngest({
    sequencer,
    reader: reader as unknown as Database,
    subjectKeys: {} as SubjectKeys,
    clock: { ...system, monotonic: () => system.monotonic() + time.skipped },
    log: createLog('silent', () => undefined),
    own: () => ({ record: () => Promise.resolve('') }) satisfies AuditSink,
    stopsFrom: 0,
    awaitsHeld: () => false,
  });
  const held = (peer: string, ...bootIds: readonly string[]) =>
    ingest.acceptHeld(
      peer,
      postedBody(
        ...bootIds.map((boot) =>
          postedEvent({ type: 'app.done', source: { instance: 'i', boot_id: boot, n: 0 } }),
        ),
      ),
    );
  return { ingest, held, closings, control, time };
}

const manyFrom = (from: number) => Array.from({ length: 1000 }, (_, boot) => `boot-${String(from + boot)}`);

test('has no more of them looked at than there is room for, and displaces no other peer’s', async () => {
  const { ingest, held, closings, control } = openIngest();
  let release: () => void = () => undefined;
  const blocked = new Promise<void>((resolve) => (release = resolve));
  control.before = () => blocked;
  await held('gateway', 'of-the-gateway');
  ingest.closeHeld();
  for (let from = 0; from < 20_000; from += 1000) {
    await held('leads', ...manyFrom(from));
    if (from === 0) await held('gateway', 'of-the-gateway');
  }
  release();
  await ingest.settle();
  expect(Math.max(...closings.map(({ length }) => length))).toBeLessThanOrEqual(1001);
  expect(closings[0]).toContain('of-the-gateway');
  expect(closings.slice(1).flat()).toContain('of-the-gateway'); // what came while the first ran
  expect(closings.length).toBeLessThanOrEqual(3);
});

test('has them looked at before nothing more is held of it', async () => {
  const { ingest, held, closings } = openIngest();
  await held('leads', ...manyFrom(0));
  await ingest.settle();
  expect(closings).toEqual([manyFrom(0)]);
});

test('that starts and stops without end has at most one closing run, and one wait', async () => {
  const { ingest, closings } = openIngest();
  for (let n = 0; n < 300; n += 1)
    await Promise.all(
      ['source.start', 'source.stop'].map((type) =>
        ingest.accept('leads', postedBody(postedEvent({ type }))),
      ),
    );
  const running = closings.length;
  const stops = Array.from({ length: 500 }, () => postedBody(postedEvent({ type: 'source.stop' })));
  await Promise.all(stops.map((body) => ingest.accept('leads', body)));
  await ingest.settle();
  expect(closings.length - running).toBeLessThanOrEqual(4);
});

test('does not keep boots from being looked at again that could not be closed, nor makes it tried at once', async () => {
  const { ingest, held, closings, control, time } = openIngest();
  control.before = () => Promise.reject(new Error('away'));
  await held('gateway', 'of-the-gateway');
  for (let from = 0; from < 5000; from += 1000) {
    await held('leads', ...manyFrom(from));
    await ingest.settle();
  }
  expect(closings).toHaveLength(1);
  control.before = () => Promise.resolve();
  time.skipped += 10_000;
  await held('leads', 'last');
  await ingest.settle();
  expect(closings).toHaveLength(2);
  expect(closings[1]).toEqual(expect.arrayContaining(['of-the-gateway', 'last']));
});
