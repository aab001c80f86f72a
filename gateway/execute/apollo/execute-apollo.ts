/** Execute, Apollo engine: the vendor's executor over the same plan, to compare with. */

import { describeErrors } from '../../subgraphs/describe-errors.ts';
import type { Log } from '@aduana/core/platform/log';
import type { executeQueryPlan, GraphQLDataSource, ServiceMap } from '@apollo/gateway';
import type { FetchDataRewrite, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import { Kind, OperationTypeNode, parse } from 'graphql';
import { UNLIMITED } from '../../limits/miss-budget.ts';
import { clientVariable } from '../../planner/planner-workarounds.ts';
import { mapFetches } from '../../planner/traverse-plan.ts';
import { completionTurn } from '../../limits/completion-turn.ts';
import { type ResponseError, createResponseError } from '../shared/response-errors.ts';
import { toResponsePath } from '../shared/response-path.ts';
import type { PreparedOperation } from '../shared/prepare-operation.ts';
import type { Execution } from '../shared/execution.ts';
import { type SerializedResponse, serializeResponse } from '../shared/serialize-response.ts';
import { getOwn, type JsonObject, setOwn } from '../shared/json-object.ts';
import { publicFailure, type SendFetch } from '../shared/send-fetch.ts';
import { readCode } from '../shared/subgraph-errors.ts';

type RequestContext = Parameters<typeof executeQueryPlan>[2];

/** Runs the same plan through Apollo's executor: the way back, and what ours is compared with. */
export async function executeApollo(
  log: Log,
  { plan, shape, schema }: PreparedOperation,
  { authorized, supergraph, introspection, signal, requireReading, budget = UNLIMITED }: Execution,
  send: SendFetch,
): Promise<SerializedResponse> {
  const { document, operation } = authorized;
  if (plan === undefined || document === undefined)
    return serializeResponse({ schema, shape }, {}, [], introspection);
  const variables: JsonObject = {};
  for (const { variable } of operation?.variableDefinitions ?? []) {
    const value = getOwn(authorized.variables, clientVariable(variable.name.value));
    if (value !== undefined) setOwn(variables, variable.name.value, value);
  }
  // Loaded here, so that a gateway that runs without it never loads it.
  const [apollo, federation] = await Promise.all([import('@apollo/gateway'), supergraph.federation()]);
  const services: ServiceMap = {};
  for (const name of supergraph.subgraphs.keys()) services[name] = createDataSource(name, send);
  const { data, errors } = await apollo.executeQueryPlan(
    renameRequired(plan),
    services,
    { request: { variables }, metrics: {}, context: {} } as unknown as RequestContext,
    apollo.buildOperationContext({ schema: supergraph.apiSchema, operationDocument: document }),
    supergraph.supergraphSchema,
    federation.apiSchema(),
  );
  if (signal.aborted) throw signal.reason as Error;
  await completionTurn(budget, authorized.caller, signal);
  requireReading?.(authorized.caller);
  const failures = errors ?? [];
  if (failures.length > 0) log.warn('subgraphs failed', { error: describeErrors(failures) });
  const translated = failures.map((failure): ResponseError => {
    const path = toResponsePath(shape, (failure.path as (string | number)[] | undefined) ?? []);
    return failure.name === 'SecurityError'
      ? createResponseError(publicFailure(failure), path)
      : createResponseError(readCode(failure).code, path);
  });
  return budget.complete(authorized.caller, () =>
    serializeResponse({ schema, shape }, (data ?? {}) as JsonObject, translated, introspection),
  );
}

/** Apollo's executor sends what is required under the alias that it was fetched by. */
function renameRequired(plan: QueryPlan): QueryPlan {
  return mapFetches(plan, ({ requires, inputRewrites = [], ...fetch }) => ({
    ...fetch,
    ...(requires !== undefined && {
      requires,
      inputRewrites: [...requires.flatMap((node) => renamers(node, [])), ...inputRewrites],
    }),
  }));
}

function renamers(node: QueryPlanSelectionNode, path: readonly string[]): FetchDataRewrite[] {
  if (node.kind === 'InlineFragment') {
    const { typeCondition, selections } = node;
    const inner = typeCondition === undefined ? path : [...path, `... on ${typeCondition}`];
    return selections.flatMap((child) => renamers(child, inner));
  }
  const { name, alias = name, selections = [] } = node;
  const below = selections.flatMap((child) => renamers(child, [...path, alias]));
  return alias === name
    ? below
    : [...below, { kind: 'KeyRenamer', path: [...path, alias], renameKeyTo: name }];
}

function createDataSource(subgraph: string, send: SendFetch): GraphQLDataSource {
  return {
    async process({ request: { query = '', variables, operationName } }) {
      const { data, errors } = await send(
        { subgraph, query, operationName, operationKind: kindOf(query) },
        JSON.stringify(variables ?? {}),
      );
      return { ...(data === undefined ? {} : { data }), ...(errors.length === 0 ? {} : { errors }) } as never;
    },
  };
}

function kindOf(query: string): 'query' | 'mutation' {
  const [operation] = parse(query, { noLocation: true }).definitions;
  return operation?.kind === Kind.OPERATION_DEFINITION && operation.operation === OperationTypeNode.MUTATION
    ? 'mutation'
    : 'query';
}
