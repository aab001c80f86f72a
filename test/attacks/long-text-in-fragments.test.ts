import { expect, test } from '@jest/globals';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { print } from 'graphql';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createValidate } from '../../gateway/documents/validate.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

// The attacker: any caller, whose fragment with one long text unfolds wherever it is spread.
const supergraph = supergraphOf({ a: 'type Query { q: Query f(of: String): Int }' });
const caller = { authenticated: true, scopes: [], policies: [] };
const authorize = createAuthorizer({ clock: createFakeClock(), mode: 'filter' });
const TEXT = 'x'.repeat(50_000);
const LEAVES = [
  ['an argument', `f(of: "${TEXT}")`],
  ['an alias', `${TEXT}: f`],
  ['a directive', `f @include(if: true) @deprecatedBy(reason: "${TEXT}")`],
] as const;

/** The leaf as often as two to the power of `levels`. */
const rewrite = (levels: number, leaf: string) => {
  const doubling = Array.from(
    { length: levels },
    (_, n) =>
      `fragment F${String(n)} on Query { a: q { ...F${String(n + 1)} } b: q { ...F${String(n + 1)} } }`,
  );
  const document = `{ ...F0 } ${doubling.join(' ')} fragment F${String(levels)} on Query { ${leaf} }`;
  return authorize(validatedOf({ document, caller }), supergraph, rightsOf(caller));
};

test.each(LEAVES)('%s that named fragments multiply is refused by its characters', (_, leaf) => {
  expect(() => rewrite(11, leaf)).toThrow(
    expect.objectContaining({ code: 'LIMIT_PLANNING_EXCEEDED', status: 400 }),
  );
});

test.each(LEAVES)('%s is answered where it comes a few times', (_, leaf) => {
  expect(rewrite(2, leaf).document).toBeDefined();
});

test('as many fragments with little text are answered', () => {
  expect(rewrite(11, 'f').document).toBeDefined();
});

test('a block of lines is one line before it is multiplied, however deep it comes to stand', async () => {
  const read = createValidate('off', createDocumentLimits(loadConfig(GATEWAY_SETTINGS, {})));
  const { caller: someone, trace } = validatedOf({ document: '{ f }', caller });
  const query = `{ q { q { f(of: """${'.\n'.repeat(1_000)}""") } } }`;
  const request = {
    query,
    variables: {},
    operationName: undefined,
    extensions: {},
    queriesOnly: false,
    values: 0,
  };
  const { document } = await read({ stage: 'delegated', caller: someone, trace }, request, supergraph, () => supergraph.apiSchema); // prettier-ignore
  expect(print(document).length).toBeLessThan(2 * query.length);
});
