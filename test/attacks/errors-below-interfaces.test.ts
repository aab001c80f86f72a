import { expect, test } from '@jest/globals';
import { findPart } from '../../gateway/execute/incremental/find-part.ts';
import { createResponseShape } from '../../gateway/execute/shared/response-shape.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

// The attacker: a caller who takes an answer in parts, and knows a field below an interface that fails.
const TYPES = 12;
const DEPTH = 12;
const types = Array.from(
  { length: TYPES },
  (_, n) => `type M${String(n)} implements Media { id: ID! related: Media bad: Int }`,
).join(' ');
const supergraph = supergraphOf({
  a: `type Query { media: Media } interface Media { id: ID! related: Media bad: Int } ${types}`,
});

function shapeOf(document: string) {
  const caller = { authenticated: true, scopes: [], policies: [] };
  const authorize = createAuthorizer({ clock: createFakeClock(), mode: 'filter' });
  const validated = { ...validatedOf({ document, caller }), incremental: true };
  const { shape } = authorize(validated, supergraph, rightsOf(caller));
  const { apiSchema } = supergraph;
  return createResponseShape({ apiSchema, interfaceObjects: new Set(), splitsDeferred: true }, shape);
}

const nest = (levels: number, inside: string): string =>
  levels === 0 ? inside : `related { ${nest(levels - 1, inside)} }`;
const path = (field: string) => ['media', ...Array.from({ length: DEPTH }, () => 'related'), field];

test('the part of an error is found in a time that grows with its depth, however many types each level may have', async () => {
  const shape = shapeOf(`{ media { ${nest(DEPTH, 'bad ... @defer { id }')} } }`);
  const owners: string[] = [];
  const took = await cpuMilliseconds(() => {
    for (const field of ['bad', 'id', 'other']) owners.push(findPart([shape], path(field)));
  });
  expect(owners).toEqual(['own', 'later', 'none']);
  expect(took).toBeLessThan(1_000);
});

test('also where each level selects something else of some of the types', async () => {
  const more = `... on M1 { related { id } } ... on M2 { related { bad } }`;
  const level = (levels: number): string =>
    levels === 0 ? 'bad' : `${more} related { ${level(levels - 1)} }`;
  const shape = shapeOf(`{ media { ${level(DEPTH)} ... @defer { id } } }`);
  let owner = '';
  expect(await cpuMilliseconds(() => (owner = findPart([shape], path('bad'))))).toBeLessThan(1_000);
  expect(owner).toBe('own');
});
