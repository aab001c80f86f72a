import { expect, it } from '@jest/globals';
import { operationFromDocument } from '@apollo/federation-internals';
import { parse } from 'graphql';
import { createVerifyPlan } from '../../../gateway/planner/verify-plan.ts';
import { openFederation } from '../../support/federation.ts';
import { createTestExecutor } from '../../support/test-executor.ts';

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

it('a plan that leaves out the inputs of a field is not taken, and another planner finds one', async () => {
  const { supergraph, queryPlanner, supergraphSchema } = CHAIN.supergraph.planners;
  const plan = queryPlanner.buildQueryPlan(
    operationFromDocument(supergraph.apiSchema(), parse('{ far { three } }')),
  );
  expect(() => {
    createVerifyPlan(supergraphSchema)(plan);
  }).toThrow(
    expect.objectContaining({
      code: 'OPERATION_NOT_PLANNABLE',
      detail: 'The plan asks b for E.one, which it cannot know there',
    }),
  );
  const { data, errors } = await CHAIN.ask(execute, '{ far { three } }');
  expect({ data, errors }).toEqual({ data: { far: { three: 3 } }, errors: [] });
});

it('what is provided may be asked for', async () => {
  const { data, errors } = await CHAIN.ask(execute, '{ known { one } }');
  expect({ data, errors }).toEqual({ data: { known: { one: 1 } }, errors: [] });
});

const OBJECTS = openFederation({
  a: {
    sdl: `
      type Query { all: [Item] }
      interface Item @key(fields: "id") { id: ID! name: String box: Box }
      type Pen implements Item @key(fields: "id") { id: ID! name: String box: Box ink: Int }
      type Box @shareable { size: Int }
    `,
    resolvers: {
      Query: { all: () => [{ __typename: 'Pen', id: '1' }] },
      Item: { __resolveReference: () => ({ __typename: 'Pen', id: '1' }) },
      Pen: { __resolveReference: itself, name: () => 'pen', box: () => ({ size: 4 }) },
    },
  },
  b: {
    sdl: `
      type Query { top: Item }
      type Item @key(fields: "id") @interfaceObject {
        id: ID!
        name: String @external
        box: Box @external
        label: String @requires(fields: "name box { size }")
      }
      type Box @shareable { size: Int }
    `,
    resolvers: {
      Query: { top: () => ({ id: '1' }) },
      Item: {
        __resolveReference: itself,
        label: ({ name, box }: { name: string; box: { size: number } }) => `${name} ${String(box.size)}`,
      },
    },
  },
});

it('what an interface object requires is brought by its implementations', async () => {
  const { data, errors } = await OBJECTS.ask(execute, '{ all { label } top { label ... on Pen { name } } }');
  expect(errors).toEqual([]);
  expect(data).toEqual({ all: [{ label: 'pen 4' }], top: { label: 'pen 4', name: 'pen' } });
});
