import { expect, test } from '@jest/globals';
import { buildSchema, parse, Source } from 'graphql';
import { findErrors } from '../../../gateway/documents/find-errors.ts';

const schema = buildSchema('type Query { n: Int } type Subscription { n: Int }');

test.each([
  'subscription ($a: Boolean!) { n @skip(if: $a) }',
  'subscription ($a: Boolean!) { ... @include(if: $a) { n } }',
  'subscription ($a: Boolean!) { ...F @include(if: $a) } fragment F on Subscription { n }',
])('what makes a rule of graphql-js throw is an error of the document: %s', (text) => {
  const source = new Source(text);
  expect(findErrors(schema, parse(source), source, 1).map(({ message }) => message)).toEqual([
    'The root field of a subscription must not depend on a variable by @skip or @include.',
  ]);
  expect(source.body).toBe(text);
});
