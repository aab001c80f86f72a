import type { SecurityError } from '@aduana/core/errors/security-error';
import { Cancellation } from '@aduana/core/platform/cancellation';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type ComparisonTurns, createComparisonTurns } from '../../subgraphs/sts/clients/comparison-turns.ts';
import { createStoppedClock } from '../support/fake-clock.ts';
import { describeStores } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who sends wrong secrets of many clients at once. Each takes a thread for its comparison.
const FLOOD = 200;
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('comparisons of secrets', () => {
  let turns: ComparisonTurns;
  /** What is being compared, by its name, and what ends it. */
  let running: Map<string, (right: boolean) => void>;
  let remembered: Set<string>;
  beforeEach(() => {
    turns = createComparisonTurns(createStoppedClock());
    running = new Map();
    remembered = new Set();
  });

  const show = (client: string, source: string, abandoned = new Cancellation()): Promise<string> => {
    const name = `${client}@${source}`;
    const comparison = {
      client,
      source,
      secrets: ['a secret'],
      abandoned,
      isRemembered: () => remembered.has(name),
      compare: () => new Promise<boolean>((resolve) => void running.set(name, resolve)),
    };
    return turns.inTurn(comparison).then(
      (right) => (right ? 'right' : 'wrong'),
      (error: unknown) => (error as SecurityError).code,
    );
  };
  const flood = (source: string, count = FLOOD): readonly Promise<string>[] =>
    Array.from({ length: count }, (_, n) => show(`c${String(n)}`, source));
  const end = async (name: string, right: boolean): Promise<void> => {
    running.get(name)?.(right);
    running.delete(name);
    await settle();
  };

  test('are one at a time for a source, and what waits beyond a bound is refused at once', async () => {
    const answers = flood('10.0.0.1');
    const refused = await Promise.all(answers.slice(21));
    expect(new Set(refused)).toEqual(new Set(['RATE_LIMITED']));
    for (let n = 0; n < 21; n += 1) {
      expect([...running.keys()]).toEqual([`c${String(n)}@10.0.0.1`]);
      await end(`c${String(n)}@10.0.0.1`, false);
    }
    expect(new Set(await Promise.all(answers.slice(0, 21)))).toEqual(new Set(['wrong']));
  });

  test('of many sources are two at once, in rotation', async () => {
    for (const source of ['a', 'b', 'c']) void flood(source, 3);
    await settle();
    expect([...running.keys()]).toEqual(['c0@a', 'c0@b']);
    await end('c0@a', false);
    expect([...running.keys()]).toEqual(['c0@b', 'c0@c']);
    await end('c0@b', false);
    expect([...running.keys()]).toEqual(['c0@c', 'c1@a']);
  });

  test('leave room for a source that has none waiting', async () => {
    const answers = Array.from({ length: 12 }, (_, n) => flood(`10.0.0.${String(n)}`)).flat();
    await settle();
    const owner = show('bff', '198.51.100.1');
    await settle();
    for (let ended = 0; !running.has('bff@198.51.100.1'); ended += 1) {
      expect(ended).toBeLessThan(13);
      await end([...running.keys()][0] ?? '', false);
    }
    await end('bff@198.51.100.1', true);
    expect(await owner).toBe('right');
    expect(answers).toHaveLength(12 * FLOOD);
  });

  test('of a client that authenticated from there before wait behind no guess', async () => {
    const first = show('bff', '198.51.100.1');
    await settle();
    await end('bff@198.51.100.1', true);
    expect(await first).toBe('right');
    for (let n = 0; n < 12; n += 1) void flood(`10.0.0.${String(n)}`);
    // Also where the guesses come from its own address, as behind a balancer.
    void flood('198.51.100.1');
    await settle();
    const again = show('bff', '198.51.100.1');
    await settle();
    expect(running.has('bff@198.51.100.1')).toBe(true);
    await end('bff@198.51.100.1', true);
    expect(await again).toBe('right');
  });

  test('are not made for whoever has left', async () => {
    void show('first', 'a');
    const left = new Cancellation();
    const answer = show('second', 'a', left);
    await settle();
    left.abort(new Error('left'));
    expect(await answer).toBe('REQUEST_TIMEOUT');
    await end('first@a', false);
    expect([...running.keys()]).toEqual([]);
    const gone = new Cancellation();
    gone.abort(new Error('left'));
    expect(await show('third', 'a', gone)).toBe('REQUEST_TIMEOUT');
    expect([...running.keys()]).toEqual([]);
  });

  test('of what many show at once are one, where it is right', async () => {
    const answers = Array.from({ length: FLOOD }, () => show('bff', 'a'));
    await settle();
    remembered.add('bff@a');
    await end('bff@a', true);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['right']));
  });
});

describeStores('a flood of wrong secrets from one address', (openStore) => {
  let sts: TestSts;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['bff', 'operator'], clock: createStoppedClock() });
  });
  afterAll(() => sts.close());

  test('is refused, and a client at another address waits for few of its comparisons', async () => {
    const form = { grant_type: 'client_credentials' };
    const statuses: number[] = [];
    for (let n = 0; n < FLOOD; n += 1)
      void sts
        .token(form, { headers: basic(`c${String(n)}`, 'wrong'), remoteAddress: '198.51.100.66' })
        .then(({ status }) => statuses.push(status));
    const answer = await sts.token(form, { headers: basic('bff'), remoteAddress: '198.51.100.1' });
    expect(answer.status).toBe(200);
    expect(statuses.filter((status) => status === 401).length).toBeLessThan(12);
    await until(() => statuses.length === FLOOD);
    expect(statuses.filter((status) => status === 401)).toHaveLength(21);
    expect(statuses.filter((status) => status === 429)).toHaveLength(FLOOD - 21);
  });

  test('an attempt counts before it is compared, and no more if it was right', async () => {
    const count = async (): Promise<unknown> =>
      (
        await sts.store.writer.query(
          "SELECT failures FROM failed_authentications WHERE source = '198.51.100.7' AND client = 'any'",
        )
      ).rows;
    const attempt = await sts.clients.attempts.reserve('operator', '198.51.100.7');
    expect(await count()).toEqual([{ failures: 1 }]);
    await attempt.succeeded();
    expect(await count()).toEqual([{ failures: 0 }]);
  });
});
