import { expect, test } from '@jest/globals';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { canonicalText } from '@aduana/client/audit/canonical';
import { postedEvent } from '../../support/audit-events.ts';
import { writeExport } from '../../support/exported-log.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const PROMISE = { spool: 'local', alive_seconds: 300 };

interface Told {
  readonly minute: number;
  readonly boot?: string;
  readonly instance?: string;
  readonly n: number;
  readonly type?: string;
  readonly detail?: object;
}

/** What the verifier finds in a log of these events, beside those of the log itself, which goes on. */
async function problemsOf(...told: readonly Told[]): Promise<readonly string[]> {
  const own = [0, 5, 10, 15, 20].map((minute, n) => ({ minute, boot: 'log', instance: 'audit@1', n, type: n === 0 ? 'source.start' : 'source.alive', detail: PROMISE })); // prettier-ignore
  const events = [...own, ...told].sort((one, other) => one.minute - other.minute);
  const texts = events.map(({ minute, boot = 'a', instance = 'gateway@1', n, type, detail }) =>
    canonicalText(
      postedEvent({
        time: new Date(START + minute * 60_000).toISOString(),
        source: { peer: instance.slice(0, -2), instance, boot_id: boot, n },
        ...(type === undefined ? {} : { type }),
        ...(detail === undefined ? {} : { detail }),
      }),
    ),
  );
  const report = await verifyLog({ folder: await writeExport(texts), now: START + 21 * 60_000 });
  expect(report.verdict).toBe(report.problems.length === 0 ? 'WHOLE' : 'INCOMPLETE');
  return report.problems;
}

const start = (minute: number, more: object = {}): Told => ({ minute, n: 0, type: 'source.start', detail: { ...PROMISE, previous: [] }, ...more }); // prettier-ignore

test('a source that stopped, or is heard of as it promised, is whole', async () => {
  expect(await problemsOf(start(0), { minute: 1, n: 1 }, { minute: 2, n: 2, type: 'source.stop' })).toEqual(
    [],
  );
  expect(await problemsOf(start(0), { minute: 5, n: 1, type: 'source.alive', detail: PROMISE })).toEqual([]);
});

test('one that is silent for three times as long as it promised is open from the next number on', async () => {
  expect(await problemsOf(start(0), { minute: 4, n: 1 })).toEqual([
    'gateway gateway@1 boot a is open from event 2 on: it has not been heard of for long',
  ]);
});

test('one whose successor has found its spool is whole; one whose successor has not is open', async () => {
  const next = (previous: readonly string[]) => start(7, { boot: 'b', detail: { ...PROMISE, previous } });
  expect(await problemsOf(start(0), next(['a']))).toEqual([]);
  expect(await problemsOf(start(0), next(['died unheard', 'a']))).toEqual([]);
  expect(await problemsOf(start(0), next([]))).toEqual([
    'gateway gateway@1 boot a is open from event 1 on: the next boot did not find its spool',
  ]);
  expect(await problemsOf(start(0), { minute: 6, n: 1, type: 'source.stop' }, next([]))).toEqual([]);
});

test('what another instance, another peer or an older release says of its boots is of no account', async () => {
  expect(await problemsOf(start(6), start(7, { boot: 'b', instance: 'gateway@2' }))).toEqual([]);
  expect(await problemsOf(start(6), start(7, { boot: 'b', instance: 'sts@1' }))).toEqual([]);
  expect(await problemsOf(start(6), start(7, { boot: 'b', detail: {} }))).toEqual([]);
  expect(await problemsOf(start(0, { detail: {} }), start(7, { boot: 'b' }))).toEqual([]);
});

test('one that spools nothing leaves nothing behind', async () => {
  const off = { spool: 'off', alive_seconds: 300 };
  expect(await problemsOf(start(0, { detail: off }))).toEqual([]);
});

test('one that has each event copied to an audit replica leaves nothing behind, unless such copies were damaged', async () => {
  const replicated = { spool: 'replicated', alive_seconds: 300 };
  const lost = start(0, { detail: replicated });
  const next = start(7, { boot: 'b', detail: { ...replicated, previous: [] } });
  const alive = [12, 17, 20].map((minute, n) => ({ minute, boot: 'b', n: n + 1, type: 'source.alive', detail: replicated })); // prettier-ignore
  const unheld = (minute: number, peer: string): Told => ({ minute, boot: 'log', instance: 'audit@1', n: 5, type: 'audit.unheld', detail: { peer, count: 1 } }); // prettier-ignore
  expect(await problemsOf(lost, next, ...alive)).toEqual([]);
  expect(await problemsOf(lost, next, ...alive, unheld(21, 'sts'))).toEqual([]);
  expect(await problemsOf(lost, next, ...alive, unheld(21, 'gateway'))).toEqual([
    'gateway gateway@1 boot a is open from event 1 on: the next boot did not find its spool',
  ]);
});
