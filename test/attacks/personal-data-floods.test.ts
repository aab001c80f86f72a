/** The attacker has the certificate of a subgraph, and wants what it records of persons to keep the log from all others. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

const valuesOf = (count: number, name = (n: number) => `n${String(n)}`) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), 'x']));

const eventOf = (pii: unknown) => postedEvent({ type: 'app.read', pii });

describeStores('personal data from a hostile service', (openStore) => {
  let audit: TestLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
  });
  afterEach(() => audit.remove());

  const post = (peer: string, ...events: Readonly<Record<string, unknown>>[]) =>
    audit.log.ingest.accept(peer, postedBody(...events));

  async function keys(): Promise<number> {
    const { rows } = await audit.store.superuser.query('SELECT subject FROM audit.subject_keys');
    return rows.length;
  }

  test.each([
    ['a person whose name nobody can erase again', { subject: 'x'.repeat(1025), values: {} }],
    ['nobody', { subject: '', values: {} }],
    ['more values than a leaf holds', { subject: 'ada', values: valuesOf(65) }],
    ['a name that is too long', { subject: 'ada', values: { ['n'.repeat(201)]: 'x' } }],
    ['a value that is too long', { subject: 'ada', values: { n: 'x'.repeat(1025) } }],
    ['a value that is no text', { subject: 'ada', values: { n: 5 } }],
    ['values in a list', { subject: 'ada', values: ['x'] }],
    ['a text', 'ada'],
    ['a list', []],
  ])('%s is refused before a key is made', async (_, pii) => {
    await expect(post('leads', eventOf({ subject: 'bob', values: {} }), eventOf(pii))).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      extensions: { event: 1, member: 'pii' },
    });
    expect(await keys()).toBe(0);
  });

  test('as much as is allowed is recorded', async () => {
    const largest = { subject: 'x'.repeat(1024), values: valuesOf(64, (n) => String(n).padEnd(200, 'n')) };
    expect(await post('leads', eventOf(largest), eventOf(null))).toBe(2);
    expect(await keys()).toBe(1);
  });

  test('a batch of many values leaves the event loop to others while it is sealed', async () => {
    const events = Array.from({ length: 100 }, () => eventOf({ subject: 'ada', values: valuesOf(64) }));
    await post('leads', eventOf({ subject: 'ada', values: {} })); // its key is known from here on
    const state = { isDone: false };
    const posted = post('leads', ...events).finally(() => {
      state.isDone = true;
    });
    let turns = 0;
    for (; !state.isDone; turns += 1) await nextTurn();
    expect(await posted).toBe(100);
    expect(turns).toBeGreaterThan((100 * 64) / 256);
  });

  test('many new persons take one statement at a time, a few turns of it before anybody else', async () => {
    const { query } = audit.store.writer;
    const statements = { underWay: 0, most: 0 };
    audit.store.writer.query = async (sql, ...rest) => {
      if (!sql.includes('subject_keys')) return query(sql, ...rest);
      statements.underWay += 1;
      statements.most = Math.max(statements.most, statements.underWay);
      return query<never>(sql, ...rest).finally(() => {
        statements.underWay -= 1;
      });
    };
    const batch = (name: string) =>
      Array.from({ length: 500 }, (_, n) => eventOf({ subject: `${name}-${String(n)}`, values: {} }));
    const done: string[] = [];
    const hostile = ['a', 'b', 'c'].map((name) => post('leads', ...batch(name)).then(() => done.push(name)));
    await post('gateway', eventOf({ subject: 'ada', values: {} })).then(() => done.push('gateway'));
    await Promise.all(hostile);
    expect(statements.most).toBe(1);
    expect(done[0]).toBe('gateway');
    expect(await keys()).toBe(1501);
  });

  test('replicas and calls that make the same key use the first one', async () => {
    const subjects = new Set(['ada', 'bob', 'eve']);
    const { subjectKeys } = audit.log;
    const [one, two] = await Promise.all([subjectKeys.ensure(subjects), subjectKeys.ensure(subjects)]);
    expect([...one]).toEqual([...two]);
    expect(await keys()).toBe(3);
  });
});
