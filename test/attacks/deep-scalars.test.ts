/** The attacker: a subgraph whose custom scalar is nested so deeply that nothing can write it, beside what others answer. */
import { expect, test } from '@jest/globals';
import { openFederation } from '../support/federation.ts';
import { describeCompletions } from '../support/test-executor.ts';

const { ask } = openFederation({
  good: { sdl: 'type Query { version: String }', resolvers: { Query: { version: () => 'v1' } } },
  bad: { sdl: 'scalar JSON type Query { any: JSON many: [JSON!] }', resolvers: {} },
});

const SHAPES = {
  lists: (levels: number) => '['.repeat(levels) + ']'.repeat(levels),
  objects: (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
};

describeCompletions('a value that is too deep', (execute) => {
  const answerOf = (execution: typeof execute, text: string) =>
    ask(execution, '{ version any many }', {
      answer: ({ subgraph }) =>
        subgraph === 'bad'
          ? (JSON.parse(`{"data":{"any":${text},"many":[1,${text}]}}`) as object)
          : undefined,
    });

  test.each(Object.entries(SHAPES))(
    'of %s is null with its error, and nothing else is',
    async (_name, shape) => {
      for (const levels of [501, 20_000]) {
        const { data, errors } = await answerOf(execute, shape(levels));
        expect(data).toEqual({ version: 'v1', any: null, many: null });
        expect(errors).toMatchObject([
          { path: ['any'], extensions: { code: 'SUBGRAPH_ERROR' } },
          { path: ['many', 1], extensions: { code: 'SUBGRAPH_ERROR' } },
        ]);
      }
      const { data, errors } = await answerOf(execute, shape(500));
      expect(errors).toEqual([]);
      expect(data).toMatchObject({ version: 'v1', any: JSON.parse(shape(500)) as unknown });
    },
  );
});
