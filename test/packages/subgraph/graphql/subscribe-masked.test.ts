import { SecurityError } from '@aduana/core/errors/security-error';
import { createErrorMask, subscribeMasked } from '@aduana/subgraph';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { buildSchema } from 'graphql';
import { expect, test } from '@jest/globals';

const lines: string[] = [];
const mask = createErrorMask(createLog('error', (line) => lines.push(line)));
const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };

function schemaOf(subscribe: () => AsyncGenerator) {
  const schema = buildSchema(
    'type Query { a: Int } type Subscription { item: Item } type Item { n: Int secret: Int }',
  );
  const fields = schema.getSubscriptionType()?.getFields();
  if (fields?.['item'] !== undefined) fields['item'].subscribe = subscribe;
  return schema;
}

async function resultsOf(subscribe: () => AsyncGenerator, query = 'subscription { item { n secret } }') {
  const results: unknown[] = [];
  const options = { schema: schemaOf(subscribe), parameters: { query }, contextValue: {}, mask, trace };
  for await (const result of await subscribeMasked(options)) results.push(result);
  return results;
}

test('the errors of each event are masked, and logged with the trace of the request', async () => {
  const results = await resultsOf(async function* () {
    yield await Promise.resolve({ item: { n: 1, secret: 2 } });
    yield {
      item: {
        n: 2,
        secret: () => {
          throw new Error('password=hunter2');
        },
      },
    };
  });
  expect(results).toEqual([
    { data: { item: { n: 1, secret: 2 } } },
    {
      data: { item: { n: 2, secret: null } },
      errors: [
        expect.objectContaining({ path: ['item', 'secret'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }),
      ],
    },
  ]);
  expect(JSON.stringify(results)).not.toContain('hunter2');
  expect(lines.join()).toContain(trace.traceId);
});

test('a subscription that cannot be opened has one result, which says why', async () => {
  const results = await resultsOf(() => {
    throw new SecurityError('OVERLOADED', { detail: 'internal' });
  });
  expect(results).toEqual([{ errors: [expect.objectContaining({ extensions: { code: 'OVERLOADED' } })] }]);
});

test('what is no GraphQL request, or does not fit the schema, is refused before anything is opened', async () => {
  const never = (): never => {
    throw new Error('was opened');
  };
  await expect(resultsOf(never, 'subscription { nothing }')).rejects.toMatchObject({
    code: 'GRAPHQL_VALIDATION_FAILED',
  });
  const options = { schema: schemaOf(never), parameters: [], contextValue: {}, mask };
  await expect(subscribeMasked(options)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});
