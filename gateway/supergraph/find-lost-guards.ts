import type { AnyOfAll, Requirement } from '@aduana/subgraph/graphql/requirement';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import { type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql';
import type { CompositionProblem } from './composition-problem.ts';

/** What a subgraph asks for and the supergraph does not: composition must only ever add to it. */
export function findLostGuards(
  subgraph: Requirements,
  supergraph: Requirements,
  schema: GraphQLSchema,
  origin: string,
): CompositionProblem[] {
  return [...subgraph.at].flatMap(([coordinate, number]) => {
    const asked = subgraph.distinct[number];
    if (asked === undefined || !exists(schema, coordinate)) return [];
    const kept = supergraph.distinct[supergraph.at.get(coordinate) ?? -1];
    if (kept !== undefined && implies(kept, asked)) return [];
    return [{ where: coordinate, problem: `the requirement of ${origin} is lost in composition` }];
  });
}

function exists(schema: GraphQLSchema, coordinate: string): boolean {
  const [typeName = '', field] = coordinate.split('.');
  const type = schema.getType(typeName);
  if (field === undefined) return type !== undefined;
  return (isObjectType(type) || isInterfaceType(type)) && type.getFields()[field] !== undefined;
}

function implies(kept: Requirement, asked: Requirement): boolean {
  return (
    (kept.authenticated || !asked.authenticated) &&
    impliesAny(kept.scopes, asked.scopes) &&
    impliesAny(kept.policies, asked.policies)
  );
}

/** Whoever meets an alternative of `kept` meets one of `asked`. */
function impliesAny(kept: AnyOfAll, asked: AnyOfAll): boolean {
  if (asked.length === 0) return true;
  return (
    kept.length > 0 &&
    kept.every((alternative) => asked.some((other) => other.every((name) => alternative.includes(name))))
  );
}
