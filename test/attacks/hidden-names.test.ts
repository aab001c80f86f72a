import { expect, test } from '@jest/globals';
import { createCallerViews } from '../../gateway/authorize/caller-views.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import { RequestErrors } from '../../gateway/documents/request-errors.ts';
import { createValidate } from '../../gateway/documents/validate.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { OracleCaller } from '../support/oracle-world.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const { supergraph } = openGuardedFederation({
  one: {
    sdl: `
      type Mutation { burn(code: SecretCode!): String @requiresScopes(scopes: [["s"]]) }
      type Query { open: String vault(code: SecretCode!, dossier: Int): Vault @requiresScopes(scopes: [["s"]]) }
      enum SecretCode { PELICAN }
      type Vault { gold: Int }
    `,
    resolvers: {},
  },
});
const NOBODY: OracleCaller = { authenticated: true, scopes: [], policies: [] };
const SOMEBODY: OracleCaller = { authenticated: true, scopes: ['s'], policies: [] };
const WRONG = [
  '{ vault }',
  '{ vault { gold } }',
  '{ vault(code: HERON) { gold } }',
  '{ vault(code: PELICAN, dosier: 1) { gold } }',
  '{ vault(code: PELICAN) { silver } }',
  '{ vaul { gold } }',
  '{ open ... on Vaul { gold } }',
  '{ open ... on Vault { gold } }',
];

test('what is wrong with a hidden field reveals nothing that an unknown field would not', () => {
  for (const document of WRONG) {
    const told = complaints(document, NOBODY);
    expect(told.length).toBeGreaterThan(0);
    const unknown = complaints(
      document.replaceAll('vault', 'nothing').replaceAll('Vault', 'Nothing'),
      NOBODY,
    );
    expect(told.map((text) => text.replaceAll('vault', 'nothing').replaceAll('Vault', 'Nothing'))).toEqual(
      unknown,
    );
    expect(told.join(' ')).not.toMatch(/SecretCode|PELICAN|dossier|gold"? of type|Did you mean/);
  }
});

test('of what is wrong inside a hidden root type only that it is wrong is reported', () => {
  expect(complaints('mutation { burn(code: HERON) }', NOBODY)).toEqual([
    'The document does not fit the schema',
  ]);
});

test('who may use the field is told what is wrong', () => {
  expect(complaints('{ vault { gold } }', SOMEBODY).join(' ')).toContain('SecretCode');
});

function complaints(query: string, caller: OracleCaller): string[] {
  const views = createCallerViews({ clock: createFakeClock() });
  const validate = createValidate('off', limits());
  const { caller: who, trace } = validatedOf({ document: '{ open }', caller });
  try {
    void validate({ stage: 'delegated', caller: who, trace }, requestOf(query), supergraph, () =>
      views(supergraph, rightsOf(caller), who),
    );
    return [];
  } catch (error) {
    if (!(error instanceof RequestErrors)) throw error;
    return error.errors.map(({ message }) => message);
  }
}

function requestOf(query: string): Parameters<ReturnType<typeof createValidate>>[1] {
  return { query, operationName: undefined, variables: {}, values: 0, queriesOnly: false } as Parameters<
    ReturnType<typeof createValidate>
  >[1];
}

function limits() {
  return createDocumentLimits({
    LIMIT_TOKENS: 'off', LIMIT_DEPTH: 'off', LIMIT_INTROSPECTION_DEPTH: 'off', LIMIT_ALIASES: 'off', LIMIT_ROOT_FIELDS: 'off',
    LIMIT_DIRECTIVES: 'off', LIMIT_COST: 'off', LIST_SIZE: 10,
  }); // prettier-ignore
}
