import { createExecuteIncremental } from '../../gateway/execute/incremental/execute-incremental.ts';
import type { FirstPart, IncrementalEntry } from '../../gateway/execute/incremental/incremental-delivery.ts';
import type { Execute, Execution } from '../../gateway/execute/shared/execution.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import type { Authorized, Caller, Narrowing, Validated } from '../../gateway/stages.ts';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { sha256Hex } from '@aduana/core/platform/digest';
import type { SubgraphAnswer, SubgraphRequest } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import { loadSupergraph, type PlannedSupergraph } from '../../gateway/supergraph/load-supergraph.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { Secret } from '@aduana/core/secrets/secret';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  type DocumentNode,
  graphql,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
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
  readonly answer?: (call: Call, signal: CancelSignal, request: SubgraphRequest) => unknown;
  /** Changes what a subgraph answers. */
  readonly damage?: (answer: SubgraphAnswer, call: Call) => unknown;
  readonly scopes?: readonly string[];
  readonly policies?: readonly string[];
  readonly signal?: AbortSignal;
  readonly introspection?: Readonly<Record<string, unknown>>;
  /** Claims of a caller other than the usual one. */
  readonly caller?: Partial<Caller['claims']>;
  /** What of the client's request is passed on to every subgraph. */
  readonly forwarded?: string;
  /** Instead of the planner's; or what plans the authorized document in its place. */
  readonly plan?: Execution['plan'] | ((document: DocumentNode) => Promise<NonNullable<Execution['plan']>>);
  /** Whose turn it is to complete an answer. */
  readonly budget?: Execution['budget'];
  /** As if no route had been found. */
  readonly withoutPlan?: boolean;
}

export interface Federation {
  readonly supergraph: PlannedSupergraph;
  ask(
    execute: Execute,
    document: string,
    ask?: Ask,
  ): Promise<{ data: unknown; text: string; errors: unknown; calls: Call[] }>;
  /** The same of a client that takes its answer in parts; `lost` are the scopes that are gone after the first one. */
  askInParts(document: string, ask?: Ask & { readonly lost?: readonly string[] }): Promise<AnswerInParts>;
}

/** An answer in parts, each as its JSON says it. */
export interface AnswerInParts {
  readonly first: { readonly data: unknown; readonly errors: FirstPart['errors'] };
  readonly parts: readonly {
    readonly entries: readonly (Omit<IncrementalEntry, 'data'> & { readonly data: unknown })[];
    readonly hasNext: boolean;
  }[];
  readonly calls: Call[];
}

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@provides", "@shareable", "@interfaceObject", "@inaccessible", "@override", "@tag", "@requiresScopes", "@authenticated", "@policy", "@cost", "@listSize", "@composeDirective", "@extends", "@context", "@fromContext", "FieldSet", "ContextFieldValue"])\n';

const CALLER: Caller = {
  claims: {
    iss: 'https://localhost:8011', aud: 'gateway', sub: 'bff', client_id: 'bff', jti: 'a', iat: 0, exp: 1, scope: '',
    roles: [], amr: ['client_secret_basic'], auth_time: 0, root_jti: 'a', sub_kind: 'service',
    sub_iss: 'https://localhost:8011',
  },
  subjectToken: Secret.of('token'),
  method: 'client_secret_basic',
  provesPossession: false,
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
  if (composed.supergraphSdl === undefined) throw new TypeError(String(composed.errors));
  const supergraph = loadSupergraph(composed.supergraphSdl);
  const schemas = new Map(
    Object.entries(subgraphs).map(([name, { sdl, resolvers }]) => [
      name,
      buildSubgraphSchema({ typeDefs: parse(LINK + sdl), resolvers: (resolvers ?? {}) as never }),
    ]),
  );
  const authorize = createAuthorizer({ clock: createFakeClock(0), mode: 'filter' });
  const planOf = createPlan({ clock: createFakeClock(), log: createLog('silent', () => undefined) });
  const authorizeFor = (text: string, ask: Ask, incremental: boolean, scopes = ask.scopes) => {
    const document = parse(text);
    const invalid = validate(supergraph.apiSchema, document);
    if (invalid.length > 0) throw new TypeError(invalid.join('\n'));
    const held = new Set(scopes);
    return authorize({ ...validated(document, text, ask), incremental }, supergraph, {
      authenticated: true,
      holdsScope: (scope) => held.has(scope),
      holdsPolicy: (name) => ask.policies?.includes(name) === true,
    });
  };
  return {
    supergraph,
    async askInParts(text, ask = {}) {
      const calls: Call[] = [];
      const execute = createExecuteIncremental({
        clock: createFakeClock(0),
        log: createLog('silent', () => undefined),
        operationTimeoutMs: 30_000,
      });
      const { rest, data, errors } = await execute(await executionOf(text, ask, calls, true));
      const parts: AnswerInParts['parts'][number][] = [];
      const { scopes = [], lost = [] } = ask;
      const left = scopes.filter((scope) => !lost.includes(scope));
      await rest?.run(
        (entries, hasNext) => {
          const read = entries.map((entry) => ({ ...entry, data: JSON.parse(entry.data) as unknown }));
          parts.push({ entries: read, hasNext });
        },
        () => authorizeFor(text, ask, true, left),
      );
      return { first: { data: JSON.parse(data) as unknown, errors }, parts, calls };
    },
    async ask(execute, text, ask = {}) {
      const calls: Call[] = [];
      const answer = await execute(await executionOf(text, ask, calls, false));
      return { data: JSON.parse(answer.data) as unknown, text: answer.data, errors: answer.errors, calls };
    },
  };

  async function choosePlan({ plan }: Ask, authorized: Authorized): Promise<Execution['plan']> {
    if (plan === undefined) return (await planOf(authorized, supergraph))?.plan;
    if (typeof plan !== 'function') return plan;
    return authorized.document && plan(authorized.document);
  }

  async function executionOf(
    text: string,
    ask: Ask,
    calls: Call[],
    incremental: boolean,
  ): Promise<Execution> {
    const authorized = authorizeFor(text, ask, incremental);
    const plan = ask.withoutPlan === true ? undefined : await choosePlan(ask, authorized);
    return {
      plan,
      authorized,
      supergraph,
      narrowings: narrowEach(supergraph),
      fetcher: {
        forwarded: () => ask.forwarded ?? '',
        fetch: (request) => answerCall(schemas, request, ask, calls),
      },
      signal: ask.signal ?? new AbortController().signal,
      budget: ask.budget,
      ...(ask.introspection === undefined ? {} : { introspection: ask.introspection }),
    };
  }
}

async function answerCall(
  schemas: ReadonlyMap<string, GraphQLSchema>,
  request: SubgraphRequest,
  ask: Ask,
  calls: Call[],
): Promise<SubgraphAnswer> {
  const { subgraph, body, signal } = request;
  const { query, variables } = JSON.parse(body) as Call;
  const call = { subgraph, query, variables };
  calls.push(call);
  const given = await ask.answer?.(call, signal, request);
  if (given !== undefined) return given as SubgraphAnswer;
  const schema = schemas.get(subgraph);
  if (schema === undefined) throw new TypeError(`no subgraph ${subgraph}`);
  const result = await graphql({ schema, source: query, variableValues: variables });
  const own = JSON.parse(JSON.stringify(result)) as SubgraphAnswer;
  return ask.damage === undefined ? own : (ask.damage(own, call) as SubgraphAnswer);
}

function narrowEach({ subgraphs }: LoadedSupergraph): ReadonlyMap<string, Narrowing> {
  return new Map(
    [...subgraphs.keys()].map((name) => [name, { audience: name, scopes: [], policies: [], join: [] }]),
  );
}

function validated(document: DocumentNode, text: string, { variables = {}, caller }: Ask): Validated {
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (operation === undefined) throw new TypeError('no operation');
  return {
    stage: 'validated',
    caller: { ...CALLER, claims: { ...CALLER.claims, ...caller } },
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    document,
    documentHash: sha256Hex(text),
    operation,
    operationName: undefined,
    variables,
  };
}
