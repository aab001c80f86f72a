import { beforeEach, describe, expect, test } from '@jest/globals';
import { createMissBudget, type MissBudget } from '../../gateway/limits/miss-budget.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openFederation } from '../support/federation.ts';
import { openForwarding } from '../support/forwarding.ts';
import { callerNamed } from '../support/named-caller.ts';
import { subgraphRequest } from '../support/subgraph-request.ts';
import { createTestExecutor } from '../support/test-executor.ts';
import { until } from '../support/until.ts';

// The attacker: a caller with many operations at once, whose answers have all been fetched when another one's is.
const BIG_MS = 200;
const ATTACKER = callerNamed('attacker');
const OTHER = callerNamed('bff');

let passed: number;
let completed: string[];
let budget: MissBudget;
beforeEach(() => {
  passed = 0;
  completed = [];
  const clock = { ...createFakeClock(), monotonic: () => passed };
  budget = createMissBudget({ clock, keptPerMinute: 1_000, cpu: () => passed });
});

/** An answer that takes time where it is read. */
const answerOf = (owner: string, milliseconds: number) => ({
  data: {
    get item() {
      completed.push(owner);
      passed += milliseconds;
      return { __typename: 'Item', id: '1' };
    },
    __typename: 'Query',
  },
});

const { ask } = openFederation({
  a: { sdl: 'type Query { item: Item } type Item @key(fields: "id") { id: ID! }', resolvers: {} },
  b: { sdl: 'type Item @key(fields: "id") { id: ID! name: String }', resolvers: {} },
});
const NAMES = { data: { _entities: [{ __typename: 'Item', name: 'n' }] } };

describe.each(['plain', 'compiled'] as const)('sixty answers of one caller (%s)', (completion) => {
  test.each(['{ item { id } }', '{ item { id name } }'])(
    'keep the small one of another waiting for two of them at most: %s',
    async (document) => {
      const execute = createTestExecutor({ completion });
      let release = (): void => undefined;
      const fetched = new Promise<void>((resolve) => (release = resolve));
      const run = (sub: string, milliseconds: number) =>
        ask(execute, document, {
          budget,
          caller: { sub },
          answer: async ({ subgraph }) => {
            if (subgraph === 'b') return NAMES;
            await fetched;
            return answerOf(sub, milliseconds);
          },
        });
      const flood = Array.from({ length: 60 }, () => run('attacker', BIG_MS));
      const other = run('bff', 1);
      release();
      expect(await other).toMatchObject({ data: { item: { id: '1' } }, errors: [] });
      expect(new Set(completed.slice(0, completed.indexOf('bff'))).size).toBe(1);
      expect(completed.lastIndexOf('bff')).toBeLessThanOrEqual(
        completed.filter((by) => by === 'bff').length + 2,
      );
      await Promise.all(flood);
    },
  );
});

test("a large answer of a subgraph is read in its caller's turn, and a small one at once", async () => {
  const waiting: (() => void)[] = [];
  const forwarding = await openForwarding(
    { a: {} },
    {
      budget: {
        turn: () => new Promise<void>((resolve) => waiting.push(resolve)),
        complete: (caller, make) => budget.complete(caller, make),
      },
    },
  );
  try {
    const { served, subgraphs, forward } = forwarding;
    const fetchOf = (text: string) => {
      if (served['a'] !== undefined)
        served['a'].behave = (_, response) => response.writeHead(200).end(JSON.stringify({ data: { text } }));
      return forward(subgraphs, {}).fetch(subgraphRequest({ subgraph: 'a' }));
    };
    expect(await fetchOf('small')).toEqual({ data: { text: 'small' } });
    const text = 'x'.repeat(100_000);
    const large = fetchOf(text);
    await until(() => waiting.length === 1);
    waiting[0]?.();
    expect(await large).toEqual({ data: { text } });
  } finally {
    await forwarding.close();
  }
});

test.each([
  ['long answers', 'complete', 200],
  ['short misses', 'spend', 4],
] as const)(
  'many small operations of a caller together have as much time as %s of another',
  async (_, kind, long) => {
    const taken = new Map([
      [ATTACKER, 0],
      [OTHER, 0],
    ]);
    budget.complete(ATTACKER, () => (passed += BIG_MS));
    const loop = async (caller: typeof OTHER, make: 'complete' | 'spend', milliseconds: number) => {
      while (passed < 6_000) {
        const turn = budget.turn(caller);
        if (turn === undefined) await new Promise(setImmediate);
        await turn;
        budget[make](caller, () => {
          passed += milliseconds;
          taken.set(caller, (taken.get(caller) ?? 0) + milliseconds);
        });
      }
    };
    await Promise.all([
      ...Array.from({ length: 4 }, () => loop(ATTACKER, kind, long)),
      ...Array.from({ length: 100 }, () => loop(OTHER, 'complete', 1)),
    ]);
    for (const milliseconds of taken.values()) expect(milliseconds / passed).toBeGreaterThan(0.4);
  },
);
