import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { type CutStore, cutStore } from '../../support/cut-store.ts';
import { writeExport } from '../../support/exported-log.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describePostgres } from '../../support/stores.ts';
import { until } from '../../support/until.ts';

interface Entry {
  readonly id: string;
  readonly type: string;
  readonly source: { readonly peer: string; readonly boot_id: string; readonly n: number };
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An event of a gateway's boot. */
const of = (bootId: string, n: number, members: object = {}) =>
  postedEvent({ source: { instance: 'gateway@1', boot_id: bootId, n }, ...members });
const startOf = (bootId: string, previous: readonly string[] = []) =>
  of(bootId, 0, { type: 'source.start', detail: { spool: 'replicated', alive_seconds: 300, previous } });

describePostgres('what an audit replica holds while its database is away', (openStore) => {
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

  async function open(more: Readonly<Record<string, string>> = {}): Promise<void> {
    audit = await openTestLog(cut.open, { SPOOL: 'replicated', ...more });
  }
  const hold = (...events: readonly Record<string, unknown>[]) =>
    audit.log.held.hold('gateway', postedBody(...events));
  const accept = (...events: readonly Record<string, unknown>[]) =>
    audit.log.ingest.accept('gateway', postedBody(...events));
  async function entries(): Promise<readonly Entry[]> {
    const { rows } = await audit.store.superuser.query<{ canonical: string }>(
      'SELECT canonical FROM audit.entries ORDER BY seq',
    );
    return rows.map(({ canonical }) => JSON.parse(canonical) as Entry);
  }
  const numbersOf = async (bootId: string): Promise<readonly number[]> =>
    (await entries()).filter(({ source }) => source.boot_id === bootId).map(({ source }) => source.n);
  const untilLogged = (type: string, count = 1): Promise<void> =>
    until(async () => (await entries()).filter((entry) => entry.type === type).length >= count);
  const folderOf = (peer: string): string => join(audit.home, 'spool/audit/held', peer);

  test('is appended once it is back, in order, and once where the source sends it too', async () => {
    await open();
    await cut.link().down();
    const events = [startOf('a'), ...[1, 2, 3, 4].map((n) => of('a', n))];
    expect(await hold(...events.slice(0, 2))).toBe(2);
    expect(await hold(...events.slice(2))).toBe(3);
    expect(audit.log.held.isEmpty).toBe(false);
    await cut.link().up();
    await until(() => audit.log.held.isEmpty);
    await until(() => accept(...events).then(() => true, () => false)); // prettier-ignore
    expect(await numbersOf('a')).toEqual([0, 1, 2, 3, 4]);
  });

  test('outlasts a stop of the replica, which then does not say that it leaves nothing', async () => {
    await open();
    await cut.link().down();
    await hold(startOf('a'), of('a', 1));
    await audit.stop();
    await cut.link().up();
    await audit.restart();
    await until(() => audit.log.held.isEmpty);
    expect(await numbersOf('a')).toEqual([0, 1]);
    expect((await entries()).filter(({ type }) => type === 'source.stop')).toEqual([]);
    const starts = (await entries()).filter(({ type, source }) => type === 'source.start' && source.peer === 'audit');
    expect(starts.at(-1)?.detail?.['previous']).toEqual([starts[0]?.source.boot_id]);
  }); // prettier-ignore

  test('is of the peer that handed it over, and of types that this peer may write', async () => {
    await open();
    const issued = of('a', 0, { type: 'token.issue' });
    await expect(hold(issued)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(audit.log.held.hold('../sts', postedBody(of('a', 0)))).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
    });
    await expect(hold({})).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(audit.log.held.isEmpty).toBe(true);
  });

  test('has its bounds: a quarter for callers who are not known, all of it for one peer, four times that in sum', async () => {
    await open({ AUDIT_SPOOL_MAX_BYTES: '20000' });
    await cut.link().down();
    const large = (n: number, sub = 'bff') =>
      of('a', n, { type: 'app.order', actor: { sub, client_id: sub }, detail: { filler: 'x'.repeat(3000) } });
    const held = async (peer: string, sub?: string): Promise<number> => {
      for (let n = 0; ; n += 1)
        try {
          await audit.log.held.hold(peer, postedBody(large(n, sub)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'AUDIT_UNAVAILABLE', status: 503 });
          return n;
        }
    };
    expect(await held('gateway', 'anonymous')).toBe(1);
    expect(await held('gateway')).toBeGreaterThan(3);
    const counts: number[] = [];
    for (const peer of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) counts.push(await held(peer));
    expect(counts[0]).toBeGreaterThan(3);
    expect(counts.at(-1)).toBe(0);
  });

  test('is nothing where the setting is another: the answer is the same as without a spool', async () => {
    await open({ SPOOL: 'local' });
    await expect(hold(of('a', 0))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(audit.log.held.isTaking).toBe(false);
  });

  test('is reported where it is damaged, and the rest is appended', async () => {
    await open();
    await cut.link().down();
    await hold(startOf('a'));
    await hold(of('a', 1));
    await hold(of('a', 2));
    await audit.stop();
    const [segment = ''] = await readdir(folderOf('gateway'));
    const file = join(folderOf('gateway'), segment);
    const bytes = await readFile(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    await writeFile(file, bytes);
    await cut.link().up();
    await audit.restart();
    await untilLogged('audit.unheld');
    await until(() => audit.log.held.isEmpty);
    expect((await entries()).find(({ type }) => type === 'audit.unheld')?.detail).toEqual({ peer: 'gateway', count: 1 });
    expect(await numbersOf('a')).toEqual([0, 2]);
  }); // prettier-ignore

  test('is appended in no other name than that of the peer that handed it over', async () => {
    await open();
    await cut.link().down();
    await hold(startOf('a'));
    await audit.stop();
    await rename(folderOf('gateway'), folderOf('console'));
    await mkdir(folderOf('gateway'));
    await cut.link().up();
    await audit.restart();
    await untilLogged('audit.unheld');
    expect(await numbersOf('a')).toEqual([]);
  });

  test('closes what a lost boot left open, although it comes after the next boot, which it does not end', async () => {
    await open();
    await cut.link().down();
    const [open1, done, live] = ['01900000-0000-7000-8000-000000000001', '01900000-0000-7000-8000-000000000002', '01900000-0000-7000-8000-000000000003'] as const; // prettier-ignore
    const intent = (bootId: string, n: number, id: string) =>
      of(bootId, n, { type: 'request.intent', detail: { audit_id: id } });
    const lost = [startOf('lost'), intent('lost', 1, open1), intent('lost', 2, done), of('lost', 3, { id: done, detail: { operation_kind: 'mutation' } })]; // prettier-ignore
    const next = [startOf('next'), intent('next', 1, live)];
    await hold(...lost);
    await audit.stop();
    await rename(folderOf(''), join(audit.home, 'aside')); // another replica has them, which is slower
    await cut.link().up();
    await audit.restart();
    await accept(...next);
    await audit.stop();
    await rename(join(audit.home, 'aside'), folderOf(''));
    await audit.restart();
    await untilLogged('request.unknown');
    await until(() => audit.log.held.isEmpty);
    await audit.log.ingest.settle();
    const unknown = (await entries()).filter(({ type }) => type === 'request.unknown');
    expect(unknown.map(({ detail }) => detail?.['audit_id'])).toEqual([open1]);
    const losses = (await entries()).filter(
      ({ type, detail }) => type === 'source.lost' && detail?.['peer'] === 'gateway',
    );
    expect(losses.map(({ detail }) => detail?.['boot_id'])).toEqual(['lost']);
  });

  test('of two replicas may come in any order: an outcome before its intent leaves nothing open', async () => {
    await open();
    const id = '01900000-0000-7000-8000-000000000004';
    await accept(
      startOf('a'),
      of('a', 2, { id, detail: { operation_kind: 'mutation' } }),
      of('a', 1, { type: 'request.intent', detail: { audit_id: id } }),
      of('a', 3, { type: 'source.stop' }),
    );
    const texts = (await entries()).map((entry) => JSON.stringify(entry));
    const { problems } = await verifyLog({ folder: await writeExport(texts), now: Date.now() });
    expect(problems).toEqual([]);
  });
});
