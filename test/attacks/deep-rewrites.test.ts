// The attacker has a subgraph whose answer is renamed on receipt, and sends something deep in it that nobody asked for: the fields of
// other subgraphs must not be lost with it.
import { expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

const { ask } = openFederation({
  hostile: {
    sdl: 'type Query { items: [U] } union U = A | B type A { v: Int! @shareable } type B { v: Int @shareable }',
    resolvers: {},
  },
  other: { sdl: 'type Query { best: String a: A } type A { v: Int @shareable }', resolvers: {} },
});

const cases = [100, 3_000, 20_000].flatMap((levels) =>
  (['plain', 'compiled'] as const).map((completion) => [levels, completion] as const),
);

test.each(cases)('a value %d levels deep costs its own fields alone (%s)', async (levels, completion) => {
  const execute = createTestExecutor({ completion, log: createLog('silent', () => undefined) });
  const extra = JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) as unknown;
  const outcome = await ask(execute, '{ items { ... on A { v } ... on B { v } } best }', {
    answer: ({ subgraph }: { readonly subgraph: string }) =>
      subgraph === 'hostile'
        ? { data: { items: [{ __typename: 'A', v: 1, v__alias_0: 1, extra }] } }
        : { data: { best: 'all' } },
  });
  expect(outcome).toMatchObject({ data: { best: 'all' } });
});
