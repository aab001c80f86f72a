import { afterAll, describe, expect, test } from '@jest/globals';
import { OperationTypeNode } from 'graphql';
import { askOracle } from '../../support/authorization-oracle.ts';
import { type OracleCaller } from '../../support/oracle-world.ts';
import { type GuardedAnswer, operationOf, type Question } from '../../support/guarded-federation.ts';
import { type MatrixWorld, openMatrixWorld } from '../../support/matrix-world.ts';

const CALLERS: Readonly<Record<string, OracleCaller>> = {
  none: { authenticated: false, scopes: ['need', 'also'], policies: [] },
  'too little': { authenticated: true, scopes: ['also'], policies: [] },
  enough: { authenticated: true, scopes: ['need', 'also'], policies: [] },
  'more than enough': { authenticated: true, scopes: ['need', 'also', 'master', 'other'], policies: ['any'] },
};

interface GuardKind {
  /** A field of every holder, and what is selected below it. */
  readonly name: string;
  readonly below: string;
  /** Its root fields carry the guard. */
  readonly guardedFields?: true;
  readonly guardedRoot?: true;
  /** What a subgraph must never be asked for on behalf of a caller without the scopes. */
  readonly never: RegExp;
  /** The mutation itself must not run. */
  readonly stopsMutation?: true;
}

const GUARDS: Readonly<Record<string, GuardKind>> = {
  field: { name: 'field', below: '', never: /\bfield\b/ },
  'root field': {
    name: 'ok',
    below: '',
    guardedFields: true,
    never: /\bguarded/,
    stopsMutation: true,
  },
  'object type': { name: 'object', below: '{ x }', never: /\bobject\b/ },
  scalar: { name: 'scalar', below: '', never: /\bscalar\b/ },
  enum: { name: 'enum', below: '', never: /\benum\b/ },
  'root type': { name: 'ok', below: '', guardedRoot: true, never: /./, stopsMutation: true },
  'interface implementer': { name: 'node', below: '{ id ... on Hidden { y } }', never: /\bnode\b/ },
  'union member': {
    name: 'either',
    below: '{ __typename ... on Open { x } ... on Closed { x } }',
    never: /Closed/,
  },
  'interfaceObject field': { name: 'thing', below: '{ id name secret }', never: /\bsecret\b/ },
};

/** How the guarded field is selected; `%` stands for it, `alias%` for it under another name. */
const SELECTIONS: Readonly<
  Record<string, { on: 'holder' | 'holders' | 'strict'; text: string; fragments?: string }>
> = {
  plain: { on: 'holder', text: '{ ok % }' },
  alias: { on: 'holder', text: '{ ok renamed: % }' },
  'named fragment': {
    on: 'holder',
    text: '{ ...Part ...Part }',
    fragments: 'fragment Part on Holder { ok % }',
  },
  'fragment with its concrete type': { on: 'holder', text: '{ ok ... on Holder { % } }' },
  'fragment with an interface': { on: 'holder', text: '{ ok ... on Base { % } }' },
  'fragment without type': { on: 'holder', text: '{ ok ... { % } }' },
  'nested list': { on: 'holders', text: '{ ok % }' },
  'non-null chain up to the root': { on: 'strict', text: '{ ok inner { inner { ok % } } }' },
};

const ROOTS = {
  holder: { query: 'holder', mutation: 'touch' },
  holders: { query: 'holders', mutation: 'touchMany' },
  strict: { query: 'strict', mutation: 'touchStrict' },
};

type Write = (kind: GuardKind, selection: keyof typeof SELECTIONS) => Question[];

const OPERATIONS: Readonly<Record<string, Write>> = {
  query: (kind, selection) => [
    ask(`query { ${field(kind, selection, 'query')} } ${fragments(kind, selection)}`),
  ],
  mutation: (kind, selection) => [
    ask(`mutation { ${field(kind, selection, 'mutation')} } ${fragments(kind, selection)}`),
  ],
  'several operations': (kind, selection) => [
    {
      ...ask(
        `query Other { holder { ok } } query Wanted { ${field(kind, selection, 'query')} } mutation Third { touch { ok } } ${fragments(kind, selection)}`,
      ),
      operationName: 'Wanted',
    },
  ],
  '@skip and @include': (kind, selection) =>
    [{}, { yes: true }, { yes: false }].map((variables) => ({
      ...ask(
        `query ($yes: Boolean! = true) { ${conditional(kind, selection)} } ${fragments(kind, selection, '@include(if: $yes)')}`,
      ),
      variables,
    })),
};

const CACHES = ['cold', 'warmed by a more privileged caller', 'warmed by a less privileged caller'] as const;

const open = openMatrixWorld(false);
const closed = openMatrixWorld(true);
const counted = { cells: 0, answers: 0 };

describe.each(Object.entries(GUARDS))('a guard on %s', (_, kind) => {
  test.each(Object.keys(SELECTIONS))('selected by %s', async (selection) => {
    const world = kind.guardedRoot === true ? closed : open;
    for (const write of Object.values(OPERATIONS))
      for (const caller of Object.values(CALLERS))
        for (const cache of CACHES) {
          counted.cells += 1;
          for (const question of write(kind, selection)) {
            const asked = { ...question, caller };
            expect({ asked, cache, ...(await answer(world, asked, kind, cache)) }).toEqual({
              asked,
              cache,
              ...expected(world, asked, kind),
              leaked: false,
            });
            counted.answers += 1;
          }
        }
  });
});

afterAll(() => {
  process.stdout.write(
    `authorization matrix: ${String(counted.cells)} cells, ${String(counted.answers)} answers compared\n`,
  );
});

async function answer(
  world: MatrixWorld,
  question: Question,
  kind: GuardKind,
  cache: (typeof CACHES)[number],
) {
  const gateway = world.openGateway();
  if (cache !== 'cold') {
    const warming = CALLERS[cache.includes('more') ? 'more than enough' : 'too little'];
    if (warming !== undefined) await gateway({ ...question, caller: warming });
  }
  world.effects.count = 0;
  const given = await gateway(question);
  return {
    data: given.data,
    refused: pathsOf(given),
    effects: world.effects.count,
    leaked: leaks(given, question.caller, kind),
  };
}

function pathsOf({ errors }: GuardedAnswer): string[] {
  return errors.map(({ path, extensions }) => `${String(extensions?.code)} ${path?.join('.') ?? ''}`).sort();
}

/** Whether a subgraph was asked for what the caller may not have. */
function leaks({ calls, authorized }: GuardedAnswer, caller: OracleCaller, { never }: GuardKind): boolean {
  return authorized.refusals.length > 0 && !allowed(caller) && calls.some(({ query }) => never.test(query));
}

function expected(world: MatrixWorld, question: Question, kind: GuardKind) {
  const { operation, fragments: named } = operationOf(question.document, question.operationName);
  const { data, refused } = askOracle(
    { schema: world.supergraph.apiSchema, guards: world.guards, resolve: world.resolve },
    operation,
    named,
    question.variables ?? {},
    question.caller,
  );
  const stopped = kind.stopsMutation === true && !allowed(question.caller);
  return {
    data,
    refused: [...refused].map((path) => `UNAUTHORIZED_FIELD_OR_TYPE ${path}`).sort(),
    effects: operation.operation === OperationTypeNode.MUTATION && !stopped ? 1 : 0,
  };
}

function allowed({ authenticated, scopes }: OracleCaller): boolean {
  return authenticated && scopes.includes('need');
}

function ask(document: string): Omit<Question, 'caller'> & { caller: OracleCaller } {
  return { document, caller: { authenticated: false, scopes: [], policies: [] } };
}

function field(kind: GuardKind, selection: string, operation: 'query' | 'mutation'): string {
  const { on, text } = SELECTIONS[selection] ?? { on: 'holder', text: '' };
  const written = `${rootOf(kind, on, operation)} ${text.replaceAll('%', `${kind.name} ${kind.below}`)}`;
  return written;
}

function conditional(kind: GuardKind, selection: string): string {
  const { on, text } = SELECTIONS[selection] ?? { on: 'holder', text: '' };
  const twice = (key: string) =>
    `${key}on: ${kind.name} @include(if: $yes) ${kind.below} ${key}off: ${kind.name} @skip(if: $yes) ${kind.below}`;
  return `${rootOf(kind, on, 'query')} ${text.replace(/(\w+): %/, (_, key: string) => twice(key)).replaceAll('%', twice(''))}`;
}

function fragments(kind: GuardKind, selection: string, directive = ''): string {
  return (SELECTIONS[selection]?.fragments ?? '').replaceAll('%', `${kind.name} ${directive} ${kind.below}`);
}

function rootOf(
  { guardedFields }: GuardKind,
  on: keyof typeof ROOTS,
  operation: 'query' | 'mutation',
): string {
  const root = ROOTS[on][operation];
  return guardedFields === true ? `guarded${root.charAt(0).toUpperCase()}${root.slice(1)}` : root;
}
