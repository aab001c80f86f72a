import { createExecutor } from '../../gateway/pipeline/execute/create-executor.ts';
import type { ExecutorOptions } from '../../gateway/pipeline/execute/create-executor.ts';
import type { Executor } from '../../gateway/pipeline/execute/executor.ts';
import type { Authorized, Narrowing, Refusal, ShapeSelection } from '../../gateway/pipeline/stages.ts';
import type { SubgraphAnswer, SubgraphRequest } from '../../gateway/pipeline/subgraph-fetcher.ts';
import { type LoadedSupergraph, loadSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { Secret } from '@aduana/core/secrets/secret';
import { createLog } from '@aduana/core/platform/log';
import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { operationFromDocument } from '@apollo/federation-internals';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getNamedType,
  graphql,
  isInterfaceType,
  isObjectType,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
  validate,
  valueFromASTUntyped,
} from 'graphql';
import { describe } from '@jest/globals';
import { createFakeClock } from './fake-clock.ts';

type Resolvers = Record<
  string,
  Record<string, GraphQLFieldResolver<never, never> | ((...given: never[]) => unknown)>
>;

export interface FakeSubgraph {
  readonly sdl: string;
  readonly resolvers?: Resolvers;
}

/** One request that a subgraph received. */
export interface Call {
  readonly subgraph: string;
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Takes the place of a subgraph's own answer where it returns one. */
  readonly answer?: (call: Call, signal: AbortSignal) => unknown;
  readonly refused?: readonly Refusal[];
  readonly signal?: AbortSignal;
  readonly introspection?: Readonly<Record<string, unknown>>;
  /** As if no route had been found. */
  readonly withoutPlan?: boolean;
}

export interface Federation {
  readonly supergraph: LoadedSupergraph;
  ask(
    executor: Executor,
    document: string,
    ask?: Ask,
  ): Promise<{ data: unknown; text: string; errors: unknown; calls: Call[] }>;
}

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@provides", "@shareable", "@interfaceObject", "@inaccessible", "@override", "@tag", "@context", "@fromContext", "FieldSet", "ContextFieldValue"])\n';

const CALLER: Authorized['caller'] = {
  claims: {
    iss: 'https://localhost:8011', aud: 'gateway', sub: 'bff', client_id: 'bff', jti: 'a', iat: 0, exp: 1, scope: '',
    roles: [], amr: ['client_secret_basic'], auth_time: 0, root_jti: 'a', sub_kind: 'service',
    sub_iss: 'https://localhost:8011',
  },
  subjectToken: Secret.of('token'),
  method: 'client_secret_basic',
  certificateThumbprint: undefined,
  spiffeId: undefined,
  address: '127.0.0.1',
}; // prettier-ignore

/** Composes subgraphs that run in this process, and asks them through an executor. */
export function openFederation(subgraphs: Readonly<Record<string, FakeSubgraph>>): Federation {
  const composed = composeServices(
    Object.entries(subgraphs).map(([name, { sdl }]) => ({
      name,
      url: `https://localhost/${name}`,
      typeDefs: parse(LINK + sdl),
    })),
  );
  if (composed.supergraphSdl === undefined) throw new TypeError(composed.errors?.join('\n'));
  const supergraph = loadSupergraph(composed.supergraphSdl);
  const schemas = new Map(
    Object.entries(subgraphs).map(([name, { sdl, resolvers }]) => [
      name,
      buildSubgraphSchema({ typeDefs: parse(LINK + sdl), resolvers: (resolvers ?? {}) as never }),
    ]),
  );
  return {
    supergraph,
    async ask(executor, text, ask = {}) {
      const calls: Call[] = [];
      const document = parse(text);
      const invalid = validate(supergraph.apiSchema, document);
      if (invalid.length > 0) throw new TypeError(invalid.join('\n'));
      const authorized = authorizeAll(supergraph, document, ask);
      const plan =
        ask.withoutPlan === true
          ? undefined
          : supergraph.queryPlanner.buildQueryPlan(
              operationFromDocument(supergraph.supergraph.apiSchema(), authorized.document),
            );
      const answer = await executor.execute({
        plan,
        authorized,
        supergraph,
        narrowings: narrowEach(supergraph),
        fetcher: { fetch: (request) => answerCall(schemas, request, ask, calls) },
        signal: ask.signal ?? new AbortController().signal,
        ...(ask.introspection === undefined ? {} : { introspection: ask.introspection }),
      });
      return { data: JSON.parse(answer.data) as unknown, text: answer.data, errors: answer.errors, calls };
    },
  };
}

/** Runs the same cases over each way of completing an answer. */
export function describeCompletions(
  name: string,
  cases: (executor: Executor, completion: 'plain') => void,
): void {
  for (const completion of ['plain'] as const)
    describe(`${name} (${completion})`, () => {
      cases(createTestExecutor(), completion);
    });
}

export function createTestExecutor({
  completion: _,
  ...options
}: Partial<ExecutorOptions> & { completion?: string } = {}): Executor {
  return createExecutor({
    clock: createFakeClock(0),
    log: createLog('silent', () => undefined),
    operationTimeoutMs: 30_000,
    ...options,
  });
}

async function answerCall(
  schemas: ReadonlyMap<string, GraphQLSchema>,
  { subgraph, body, signal }: SubgraphRequest,
  ask: Ask,
  calls: Call[],
): Promise<SubgraphAnswer> {
  const { query, variables } = JSON.parse(body) as Call;
  const call = { subgraph, query, variables };
  calls.push(call);
  const given = await ask.answer?.(call, signal);
  if (given !== undefined) return given as SubgraphAnswer;
  const schema = schemas.get(subgraph);
  if (schema === undefined) throw new TypeError(`no subgraph ${subgraph}`);
  const result = await graphql({ schema, source: query, variableValues: variables });
  return JSON.parse(JSON.stringify(result)) as SubgraphAnswer;
}

function narrowEach({ subgraphs }: LoadedSupergraph): ReadonlyMap<string, Narrowing> {
  return new Map(
    [...subgraphs.keys()].map((name) => [name, { audience: name, scopes: [], policies: [], join: [] }]),
  );
}

/** What the authorize stage gives for a caller who may do everything but what `refused` names. */
function authorizeAll(
  supergraph: LoadedSupergraph,
  original: DocumentNode,
  { variables = {}, refused = [] }: Ask,
): Authorized {
  const operation = original.definitions.find(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (operation === undefined) throw new TypeError('no operation');
  const root = supergraph.apiSchema.getRootType(operation.operation);
  if (!root) throw new TypeError('no root type');
  return {
    stage: 'authorized',
    caller: CALLER,
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    original,
    originalOperation: operation,
    shape: {
      kind: operation.operation,
      rootType: root.name,
      selections: markRefused(
        refused,
        [],
        shapeOf(original, operation.selectionSet, root.name, supergraph.apiSchema, {
          ...Object.fromEntries(
            (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
              variable.name.value,
              defaultValue === undefined ? undefined : valueFromASTUntyped(defaultValue),
            ]),
          ),
          ...variables,
        }),
      ),
    },
    document: original,
    operation,
    operationKey: '',
    variables,
    refusals: refused,
    unenforced: [],
    everythingRefused: false,
    rejected: false,
    fields: [],
    policies: [],
    scopes: new Set(),
  };
}

function shapeOf(
  document: DocumentNode,
  { selections }: SelectionSetNode,
  parent: string,
  schema: GraphQLSchema,
  variables: Readonly<Record<string, unknown>>,
): ShapeSelection[] {
  return selections.flatMap((node): ShapeSelection[] => {
    const stands = (node.directives ?? []).every(({ name, arguments: given }) => {
      const value = given?.[0]?.value;
      const holds = value === undefined || valueFromASTUntyped(value, variables) === true;
      return name.value === 'include' ? holds : name.value !== 'skip' || !holds;
    });
    if (!stands) return [];
    if (node.kind !== Kind.FIELD) {
      const fragment =
        node.kind === Kind.INLINE_FRAGMENT
          ? node
          : document.definitions.find(
              (definition): definition is FragmentDefinitionNode =>
                definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === node.name.value,
            );
      if (fragment === undefined) throw new TypeError('no such fragment');
      const on = fragment.typeCondition?.name.value ?? parent;
      return [
        { kind: 'fragment', on, selections: shapeOf(document, fragment.selectionSet, on, schema, variables) },
      ];
    }
    const type = schema.getType(parent);
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    const key = node.alias?.value ?? node.name.value;
    return [
      {
        kind: 'field',
        key,
        dataKey: key,
        name: node.name.value,
        node,
        refused: false,
        selections:
          node.selectionSet === undefined || field === undefined
            ? []
            : shapeOf(document, node.selectionSet, getNamedType(field.type).name, schema, variables),
      },
    ];
  });
}

function markRefused(
  refused: readonly Refusal[],
  path: readonly string[],
  selections: readonly ShapeSelection[],
): ShapeSelection[] {
  return selections.map((selection) => {
    if (selection.kind === 'fragment')
      return { ...selection, selections: markRefused(refused, path, selection.selections) };
    const here = [...path, selection.key];
    return {
      ...selection,
      refused: refused.some(
        (refusal) => refusal.path.filter((key) => key !== '@').join('.') === here.join('.'),
      ),
      selections: markRefused(refused, here, selection.selections),
    };
  });
}
