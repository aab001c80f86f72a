import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { describe, expect, it } from '@jest/globals';
import { type Ask, openFederation } from '../../../support/federation.ts';
import { createTestExecutor } from '../../../support/test-executor.ts';
import { until } from '../../../support/until.ts';

const FEDERATION = openFederation({
  a: {
    sdl: 'type Query { a: A } type Mutation { m: String } type A @key(fields: "id") { id: ID! name: String }',
    resolvers: {
      Query: { a: () => ({ id: '1' }) },
      Mutation: { m: () => 'done' },
      A: { __resolveReference: (it: object) => it, name: () => 'name' },
    },
  },
  b: {
    sdl: 'type A @key(fields: "id") { id: ID! rating(of: Int): Int }',
    resolvers: {
      A: { __resolveReference: (it: object) => it, rating: (_: unknown, { of }: { of?: number }) => of ?? 5 },
    },
  },
});

const QUERY = '{ a { name rating } }';
const FIRST = { data: { a: { name: 'name', rating: 5 } }, errors: [] };
const DIFFERENT = { jti: 'another' };

/** Holds the answers of subgraph `a` back until told. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<undefined>((resolve) => {
    open = () => {
      resolve(undefined);
    };
  });
  return { open, answer: ({ subgraph }: { subgraph: string }) => (subgraph === 'a' ? opened : undefined) };
}

describe('requests in flight', () => {
  it('the same question of the same caller is asked once, and each gets the answer', async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const { open, answer } = gate();
    const asked = [1, 2, 3].map(() => FEDERATION.ask(execute, QUERY, { answer }));
    open();
    const answers = await Promise.all(asked);
    expect(answers.map(({ data, errors }) => ({ data, errors }))).toEqual([FIRST, FIRST, FIRST]);
    expect(answers.flatMap(({ calls }) => calls.map(({ subgraph }) => subgraph))).toEqual(['a', 'b']);
  });

  it('nothing is kept afterwards', async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    for (let round = 0; round < 2; round++)
      expect((await FEDERATION.ask(execute, QUERY)).calls).toHaveLength(2);
  });

  it.each<[string, Ask & { readonly query?: string }]>([
    ['another caller', { caller: DIFFERENT }],
    ['other forwarded headers', { forwarded: 'x' }],
    ['other variables', { query: 'query ($of: Int) { a { name rating(of: $of) } }', variables: { of: 7 } }],
  ])('%s is asked for itself', async (_, { query = QUERY, ...other }) => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const { open, answer } = gate();
    const variables = 'variables' in other ? { variables: { of: 5 } } : {};
    const one = FEDERATION.ask(execute, query, { answer, ...variables });
    const two = FEDERATION.ask(execute, query, { answer, ...other });
    open();
    const [first, second] = await Promise.all([one, two]);
    expect(first.data).toEqual(FIRST.data);
    expect(second.data).toEqual({ a: { name: 'name', rating: 'variables' in other ? 7 : 5 } });
    expect([...first.calls, ...second.calls].filter(({ subgraph }) => subgraph === 'b')).toHaveLength(2);
  });

  it('who asks after a mutation began gets nothing that was asked before', async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const { open, answer } = gate();
    const before = FEDERATION.ask(execute, QUERY, { answer });
    const mutation = await FEDERATION.ask(execute, 'mutation { m }');
    const after = FEDERATION.ask(execute, QUERY, { answer });
    open();
    expect(mutation.data).toEqual({ m: 'done' });
    expect((await before).calls.filter(({ subgraph }) => subgraph === 'a')).toHaveLength(1);
    expect((await after).calls.filter(({ subgraph }) => subgraph === 'a')).toHaveLength(1);
  });

  it('mutations are never shared', async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const answers = await Promise.all([1, 2].map(() => FEDERATION.ask(execute, 'mutation { m }')));
    expect(answers.map(({ calls }) => calls.length)).toEqual([1, 1]);
  });

  it('one who leaves does not take the answer from the others, the last one ends the request', async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const { open, answer } = gate();
    const clients = [new AbortController(), new AbortController()];
    const signals: CancelSignal[] = [];
    const asked = clients.map(({ signal }) =>
      FEDERATION.ask(execute, QUERY, {
        signal,
        answer: (call, own) => {
          signals.push(own);
          return answer(call);
        },
      }),
    );
    await until(() => signals.length === 1); // both are planned by now, and share the request
    clients[0]?.abort(new Error('left'));
    await expect(asked[0]).rejects.toThrow('left');
    expect(signals[0]?.aborted).toBe(false);
    open();
    await expect(asked[1]).resolves.toMatchObject(FIRST);
    const waiting = gate();
    const last = new AbortController();
    const alone = FEDERATION.ask(execute, QUERY, {
      signal: last.signal,
      answer: (call, own) => {
        signals.push(own);
        return waiting.answer(call);
      },
    });
    await until(() => signals.length === 2);
    last.abort(new Error('left'));
    await expect(alone).rejects.toThrow('left');
    expect(signals.at(-1)?.aborted).toBe(true);
  });

  it("a failure is everybody's, and reported to each", async () => {
    const execute = createTestExecutor({ completion: 'compiled', shareInFlight: true });
    const answer = async () => {
      await Promise.resolve();
      throw new Error('down');
    };
    const answers = await Promise.all([1, 2].map(() => FEDERATION.ask(execute, QUERY, { answer })));
    for (const { data, errors } of answers) {
      expect(data).toEqual({ a: null });
      expect(errors).toMatchObject([{ path: ['a'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    }
  });
});

describe('fetches of one step', () => {
  it('to one subgraph are one request, and an error in one of them is reported at its own places', async () => {
    const execute = createTestExecutor({ completion: 'compiled' });
    const query = '{ x: a { rating } y: a { name r: rating(of: 2) } }';
    const { data, errors, calls } = await FEDERATION.ask(execute, query);
    expect({ data, errors }).toEqual({ data: { x: { rating: 5 }, y: { name: 'name', r: 2 } }, errors: [] });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['a', 'b']);
    expect(calls[1]?.query).toMatch(/e0:_entities.*e1:_entities/);
    const failed = await FEDERATION.ask(execute, query, {
      answer: ({ subgraph }) =>
        subgraph === 'b'
          ? {
              data: { e0: [{ rating: 1 }], e1: [{ r: null }] },
              errors: [{ message: 'x', path: ['e1', 0, 'r'] }],
            }
          : undefined,
    });
    expect(failed.data).toEqual({ x: { rating: 1 }, y: { name: 'name', r: null } });
    expect(failed.errors).toMatchObject([{ path: ['y', 'r'] }]);
    expect(failed.calls).toHaveLength(2);
  });

  it('that lost their data to the error of another one are asked again alone', async () => {
    const execute = createTestExecutor({ completion: 'compiled' });
    const { data, errors, calls } = await FEDERATION.ask(
      execute,
      '{ x: a { rating } y: a { name r: rating(of: 2) } }',
      {
        answer: ({ query }) =>
          query.includes('e0:') ? { data: null, errors: [{ message: 'x', path: ['e0'] }] } : undefined,
      },
    );
    expect(data).toEqual({ x: { rating: null }, y: { name: 'name', r: 2 } });
    expect(errors).toMatchObject([{ path: ['x', 'rating'] }]);
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['a', 'b', 'b']);
  });

  it('that had an error of their own at one entity keep the others', async () => {
    const execute = createTestExecutor({ completion: 'compiled' });
    const whole = { message: 'x', path: ['e0'] };
    const { data, errors, calls } = await FEDERATION.ask(
      execute,
      '{ x: a { rating } y: a { name r: rating(of: 2) } }',
      {
        answer: ({ query }) =>
          query.includes('e0:')
            ? { data: null, errors: [whole, { message: 'y', path: ['e1', 0, 'r'] }] }
            : undefined,
      },
    );
    expect(data).toEqual({ x: { rating: null }, y: { name: 'name', r: 2 } });
    expect(errors).toMatchObject([{ path: ['x', 'rating'] }]);
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['a', 'b', 'b']);
  });

  it('are all lost with their request, each reported at its places', async () => {
    const execute = createTestExecutor({ completion: 'compiled' });
    const { data, errors } = await FEDERATION.ask(
      execute,
      '{ x: a { rating } y: a { name r: rating(of: 2) } }',
      {
        answer: ({ subgraph }) => (subgraph === 'b' ? { data: null, errors: [{ message: 'x' }] } : undefined),
      },
    );
    expect(data).toEqual({ x: { rating: null }, y: { name: 'name', r: null } });
    expect(errors).toMatchObject([{ path: ['x', 'rating'] }, { path: ['y', 'r'] }]);
  });
});
