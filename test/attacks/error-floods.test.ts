import { expect, it } from '@jest/globals';
import { openFederation } from '../support/federation.ts';
import { describeCompletions } from '../support/test-executor.ts';

const FEDERATION = openFederation({
  hostile: { sdl: 'type Query { names: [String] }', resolvers: { Query: { names: () => [] } } },
  honest: { sdl: 'type Query { best: String }', resolvers: { Query: { best: () => 'all' } } },
});
const COUNT = 300_000;
const FLOOD = {
  data: { names: null },
  errors: Array.from({ length: COUNT }, (_, index) => ({ message: 'no', path: ['names', index] })),
};

describeCompletions('a subgraph that answers with errors by the hundred thousand', (execute) => {
  it('takes nothing from what the others answered', async () => {
    const { data, errors } = await FEDERATION.ask(execute, '{ names best }', {
      answer: ({ subgraph }) => (subgraph === 'hostile' ? FLOOD : undefined),
    });
    expect(data).toEqual({ names: null, best: 'all' });
    expect((errors as readonly unknown[])[0]).toMatchObject({ extensions: { code: 'SUBGRAPH_ERROR' } });
  });
});
