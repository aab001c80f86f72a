import { guardSchema } from '@aduana/server-kit/graphql/guard';
import type { UnguardedFields } from '@aduana/subgraph/graphql/deny-unguarded';
import type { Rights } from '@aduana/subgraph/graphql/requirement';
import { sha256Hex } from '@aduana/core/platform/digest';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  execute as executeGraphql,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { createExecutor } from '../../gateway/execute/create-executor.ts';
import { createNarrow } from '../../gateway/subgraphs/narrow.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import { type AuthorizationMode, createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import type { Authorized, Caller, Narrowing, Validated } from '../../gateway/stages.ts';
import type { SubgraphRequest } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import type { PlannedSupergraph } from '../../gateway/supergraph/load-supergraph.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import type { OracleCaller } from './oracle-world.ts';
import { createFakeClock } from './fake-clock.ts';
import { FEDERATION_LINK, supergraphOf } from './supergraph-of.ts';

export interface GuardedSubgraph {
  readonly sdl: string;
  readonly resolvers: Readonly<Record<string, unknown>>;
}

export interface GuardedAnswer {
  readonly data: unknown;
  readonly errors: readonly {
    readonly path?: readonly (string | number)[];
    readonly extensions?: { readonly code?: unknown };
  }[];
  readonly calls: readonly {
    readonly subgraph: string;
    readonly query: string;
    readonly narrowing: Narrowing;
  }[];
  readonly authorized: Authorized;
}

export interface Question {
  readonly document: string;
  readonly operationName?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly caller: OracleCaller;
}

/** A gateway's stages from the authorized operation to its answer, with their caches. */
export type Gateway = (question: Question) => Promise<GuardedAnswer>;

export interface GuardedFederation {
  readonly supergraph: PlannedSupergraph;
  /** Cold caches. */
  openGateway(mode?: AuthorizationMode, executor?: 'aduana' | 'apollo'): Gateway;
}

/** Composes subgraphs that run in this process behind their guards, each of which sees what its narrowed token carries. */
export function openGuardedFederation(
  subgraphs: Readonly<Record<string, GuardedSubgraph>>,
  unguardedFields: UnguardedFields = 'authenticated',
): GuardedFederation {
  const supergraph = supergraphOf(
    Object.fromEntries(Object.entries(subgraphs).map(([name, { sdl }]) => [name, sdl])),
    { unguardedFields },
  );
  const schemas = new Map(
    Object.entries(subgraphs).map(([name, { sdl, resolvers }]) => [
      name,
      guardSchema(
        buildSubgraphSchema({ typeDefs: parse(FEDERATION_LINK + sdl), resolvers: resolvers as never }),
        FEDERATION_LINK + sdl,
        { unguardedFields },
      ),
    ]),
  );
  return {
    supergraph,
    openGateway: (mode = 'filter', executor = 'aduana') => openGateway(supergraph, schemas, mode, executor),
  };
}

function openGateway(
  supergraph: LoadedSupergraph,
  schemas: ReadonlyMap<string, GraphQLSchema>,
  mode: AuthorizationMode,
  executor: 'aduana' | 'apollo',
): Gateway {
  const clock = createFakeClock(0);
  const authorize = createAuthorizer({ clock, mode });
  const plan = createPlan({ clock, log: createLog('silent', () => undefined) });
  const narrow = createNarrow();
  const execute = createExecutor({
    kind: executor,
    clock,
    log: createLog('silent', () => undefined),
    operationTimeoutMs: 'off',
    shareInFlight: false,
  });
  return async ({ document: text, operationName, variables = {}, caller }) => {
    const document = parse(text);
    const invalid = validate(supergraph.apiSchema, document, specifiedRules);
    if (invalid.length > 0) throw new TypeError(invalid.join('\n'));
    const question = {
      document: text,
      variables,
      caller,
      ...(operationName !== undefined && { operationName }),
    };
    const authorized = authorize(validatedOf(question), supergraph, rightsOf(caller));
    if (authorized.rejected) return { data: null, errors: authorized.refusals, calls: [], authorized };
    const planned = await plan(authorized, supergraph);
    const calls: GuardedAnswer['calls'][number][] = [];
    const { data, errors } = await execute({
      plan: planned?.plan,
      authorized,
      supergraph,
      narrowings: narrow(planned, authorized, supergraph),
      fetcher: {
        fetch: async (request) => {
          const { query } = JSON.parse(request.body) as { query: string };
          calls.push({ subgraph: request.subgraph, query, narrowing: request.narrowing });
          return askSubgraph(schemas, request);
        },
      },
      signal: new AbortController().signal,
    });
    return { data: JSON.parse(data), errors: errors, calls, authorized };
  };
}

export function rightsOf({ authenticated, scopes, policies }: OracleCaller): Rights {
  return {
    authenticated,
    holdsScope: (scope) => scopes.includes(scope),
    holdsPolicy: (name) => policies.includes(name),
  };
}

/** A question as the stages before authorization hand it on. */
export function validatedOf({ document, operationName, variables = {} }: Question): Validated {
  return {
    stage: 'validated',
    caller: CALLER,
    trace: { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false },
    document: parse(document),
    documentHash: sha256Hex(document),
    operation: operationOf(document, operationName).operation,
    operationName,
    variables,
  };
}

/** The operation of a document, and its fragments. */
export function operationOf(
  text: string,
  operationName?: string,
): { operation: OperationDefinitionNode; fragments: ReadonlyMap<string, FragmentDefinitionNode> } {
  const { definitions } = parse(text);
  const operation = definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      (operationName === undefined || definition.name?.value === operationName),
  );
  if (operation === undefined) throw new TypeError('no such operation');
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return { operation, fragments: new Map(fragments.map((fragment) => [fragment.name.value, fragment])) };
}

async function askSubgraph(schemas: ReadonlyMap<string, GraphQLSchema>, request: SubgraphRequest) {
  const schema = schemas.get(request.subgraph);
  if (schema === undefined) throw new TypeError('no such subgraph');
  const { query, variables } = JSON.parse(request.body) as {
    query: string;
    variables?: Record<string, unknown>;
  };
  const { scopes, policies, join } = request.narrowing;
  const token = { kid: 'k', scopes: new Set(scopes), claims: { ...CLAIMS, policies, join } };
  const result = await executeGraphql({
    schema,
    document: parse(query),
    variableValues: variables ?? {},
    contextValue: { token },
  });
  return JSON.parse(JSON.stringify(result)) as { data?: unknown; errors?: unknown };
}

const CLAIMS: AccessTokenClaims = {
  iss: 'https://localhost:8011', aud: 'gateway', sub: 'bff', client_id: 'bff', jti: 'a', iat: 0, exp: 1, scope: '',
  roles: [], amr: ['client_secret_basic'], auth_time: 0, root_jti: 'a', sub_kind: 'service',
  sub_iss: 'https://localhost:8011',
}; // prettier-ignore

const CALLER: Caller = {
  claims: CLAIMS,
  subjectToken: Secret.of('token'),
  method: 'client_secret_basic',
  provesPossession: false,
  certificateThumbprint: undefined,
  spiffeId: undefined,
  address: '127.0.0.1',
};
