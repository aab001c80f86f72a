import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { buildASTSchema, parse, validate } from 'graphql';
import * as documents from '../../../console/web/src/graphql/documents.ts';

const schema = buildASTSchema(parse(readFileSync('gateway/supergraph.graphql', 'utf8')), {
  assumeValidSDL: true,
});

test.each(Object.entries(documents))('%s of the pages is valid against the supergraph', (_, document) => {
  expect(validate(schema, parse(document)).map(({ message }) => message)).toEqual([]);
});

test('each has a name of its own, by which a page traces what it asked', () => {
  const names = Object.values(documents).map(
    (document) => /^\s*(?:query|mutation) (\w+)/.exec(document)?.[1],
  );
  expect(new Set(names).size).toBe(Object.keys(documents).length);
});
