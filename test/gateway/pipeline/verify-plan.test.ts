import { expect, it } from '@jest/globals';
import { createTestExecutor, openFederation } from '../../support/federation.ts';

const itself = (reference: object) => reference;

/** `three` in `a` is computed from `two` in `b`, which is computed from `one` in `a`. */
const CHAIN = openFederation({
  a: {
    sdl: `
      type Query { near: E }
      type E @key(fields: "id") { id: ID! one: Int @shareable two: Int @external three: Int @requires(fields: "two") }
    `,
    resolvers: {
      Query: { near: () => ({ id: '1' }) },
      E: { __resolveReference: itself, one: () => 1, three: ({ two }: { two: number }) => two + 1 },
    },
  },
  b: {
    sdl: `
      type Query { far: E known: E @provides(fields: "one") }
      type E @key(fields: "id") { id: ID! one: Int @external two: Int @requires(fields: "one") }
    `,
    resolvers: {
      Query: { far: () => ({ id: '1' }), known: () => ({ id: '1', one: 1 }) },
      E: { __resolveReference: itself, two: ({ one = 100 }: { one?: number }) => one + 1 },
    },
  },
});
const execute = createTestExecutor();

it('what is computed from what is computed elsewhere is answered where the planner finds the way', async () => {
  const { data, errors } = await CHAIN.ask(execute, '{ near { three } far { two } }');
  expect({ data, errors }).toEqual({ data: { near: { three: 3 }, far: { two: 2 } }, errors: [] });
});

it('a plan that leaves out the inputs of a field is refused, not answered wrongly', async () => {
  await expect(CHAIN.ask(execute, '{ far { three } }')).rejects.toMatchObject({
    code: 'OPERATION_NOT_PLANNABLE',
    detail: 'The plan asks b for E.one, which it cannot know there',
  });
});

it('what is provided may be asked for', async () => {
  const { data, errors } = await CHAIN.ask(execute, '{ known { one } }');
  expect({ data, errors }).toEqual({ data: { known: { one: 1 } }, errors: [] });
});
