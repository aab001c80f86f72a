/** Execute, compiler: several entity fetches of one subgraph as one request. */

import {
  type DocumentNode,
  type FieldNode,
  Kind,
  OperationTypeNode,
  print,
  type TypeNode,
  type VariableDefinitionNode,
  stripIgnoredCharacters,
} from 'graphql';
import type { FetchStep } from '../shared/plan-steps.ts';
import type { SubgraphResponse } from '../shared/subgraph-response.ts';
import { getOwn, isJsonObject } from '../shared/json-object.ts';
import type { OutgoingFetch } from '../shared/send-fetch.ts';

/** Entity fetches of one subgraph that are sent as one operation: an alias and a variable for each. */
export interface MergedFetch {
  readonly fetch: OutgoingFetch;
  /** The client's variables that it uses, by the plan's names. */
  readonly variableUsages: readonly string[];
}

const REPRESENTATIONS: TypeNode = {
  kind: Kind.NON_NULL_TYPE,
  type: {
    kind: Kind.LIST_TYPE,
    type: {
      kind: Kind.NON_NULL_TYPE,
      type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: '_Any' } },
    },
  },
};

/** The name of the variable that holds the representations of one part. */
export function representationsVariable(part: number): string {
  return `representations${String(part)}`;
}

/** @param steps entity fetches of one subgraph, at least one */
export function mergeFetches(steps: readonly FetchStep[]): MergedFetch {
  const [first] = steps;
  if (first === undefined) throw new TypeError('nothing to merge');
  const definitions = new Map<string, VariableDefinitionNode>();
  for (const step of steps)
    for (const definition of step.variableDefinitions)
      if (definition.variable.name.value !== 'representations')
        definitions.set(definition.variable.name.value, definition);
  const document: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [
      {
        kind: Kind.OPERATION_DEFINITION,
        operation: OperationTypeNode.QUERY,
        ...(first.operationName !== undefined && { name: { kind: Kind.NAME, value: first.operationName } }),
        variableDefinitions: [
          ...steps.map((_, part) => defineRepresentations(part)),
          ...definitions.values(),
        ],
        selectionSet: { kind: Kind.SELECTION_SET, selections: steps.map(selectEntities) },
      },
    ],
  };
  return {
    fetch: {
      subgraph: first.subgraph,
      query: stripIgnoredCharacters(print(document)),
      operationName: first.operationName,
      operationKind: 'query',
    },
    variableUsages: [...new Set(steps.flatMap(({ variableUsages }) => variableUsages))],
  };
}

function defineRepresentations(part: number): VariableDefinitionNode {
  return {
    kind: Kind.VARIABLE_DEFINITION,
    variable: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: representationsVariable(part) } },
    type: REPRESENTATIONS,
  };
}

function selectEntities({ selections }: FetchStep, part: number): FieldNode {
  return {
    kind: Kind.FIELD,
    alias: { kind: Kind.NAME, value: partAlias(part) },
    name: { kind: Kind.NAME, value: '_entities' },
    arguments: [
      {
        kind: Kind.ARGUMENT,
        name: { kind: Kind.NAME, value: 'representations' },
        value: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: representationsVariable(part) } },
      },
    ],
    selectionSet: { kind: Kind.SELECTION_SET, selections },
  };
}

function partAlias(part: number): string {
  return `e${String(part)}`;
}

/**
 * The answer of each part, as if it had been sent alone; an error that names no part is every part's. Undefined for a
 * part that only lost its data to another one's error.
 */
export function splitResponse(
  { data, errors }: SubgraphResponse,
  parts: number,
): (SubgraphResponse | undefined)[] {
  const own = errors.map((error) => ({ error, part: partOf(error, parts) }));
  return Array.from({ length: parts }, (_, part) => {
    const mine = own.filter((one) => one.part === part || one.part === undefined).map((one) => one.error);
    if (data !== undefined)
      return { data: { _entities: getOwn(data, partAlias(part)) }, errors: mine.map(asAlone) };
    const tookAll = own.some((one) => one.part !== part && !isOfEntity(one.error));
    const isLost = mine.length === 0 || (tookAll && mine.every(isOfEntity));
    return isLost ? undefined : { data, errors: mine.map(asAlone) };
  });
}

/** Whether an error lies within one entity: an entity may be null, so that it takes no more away (GraphQL section 6.4.4). */
function isOfEntity(error: unknown): boolean {
  const path = isJsonObject(error) ? getOwn(error, 'path') : undefined;
  return Array.isArray(path) && path.length > 1;
}

function partOf(error: unknown, parts: number): number | undefined {
  const path = isJsonObject(error) ? getOwn(error, 'path') : undefined;
  const alias: unknown = Array.isArray(path) ? path[0] : undefined;
  for (let part = 0; part < parts; part++) if (alias === partAlias(part)) return part;
  return undefined;
}

function asAlone(error: unknown): unknown {
  if (!isJsonObject(error) || !Array.isArray(error['path'])) return error;
  return { ...error, path: ['_entities', ...(error['path'] as unknown[]).slice(1)] };
}
