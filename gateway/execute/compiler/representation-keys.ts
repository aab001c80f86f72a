import type { QueryPlanFieldNode, QueryPlanSelectionNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import type { Position } from './answer-positions.ts';
import type { FetchStep } from './compile-plan.ts';
import { requiredFields } from './required-fields.ts';
import { isTypeOrSubtype } from './type-relation.ts';

/** The representations of one position: fetches that require the same share them. */
export interface RepresentationKeys {
  readonly id: number;
  readonly position: Position;
  readonly fields: readonly RequiredField[];
  readonly steps: FetchStep[];
}

export interface RequiredField {
  readonly node: QueryPlanFieldNode;
  /** The fetches that may bring it, the last word first. */
  readonly sources: readonly FetchStep[];
}

/** Undefined where something required is not brought by earlier fetches. */
export function representationKeys(
  schema: GraphQLSchema,
  positions: readonly Position[],
  levelOf: ReadonlyMap<FetchStep, number>,
): readonly RepresentationKeys[] | undefined {
  const keys: RepresentationKeys[] = [];
  for (const position of positions) {
    for (const step of position.additions) {
      if (step.requires === undefined) continue;
      const fields = requiredFields(schema, position.typeName, step.requires)?.map((node) => ({
        node,
        sources: sourcesOf(schema, position, node, step, levelOf),
      }));
      if (fields === undefined || fields.some(({ sources }) => sources.length === 0)) return undefined;
      const text = describe(fields);
      const same = keys.find((known) => known.position === position && describe(known.fields) === text);
      if (same === undefined) keys.push({ id: keys.length, position, fields, steps: [step] });
      else same.steps.push(step);
    }
  }
  return keys;
}

function describe(fields: readonly RequiredField[]): string {
  return JSON.stringify(fields.map(({ node, sources }) => [node, sources.map(({ index }) => index)]));
}

function sourcesOf(
  schema: GraphQLSchema,
  position: Position,
  { name, alias = name, selections }: QueryPlanFieldNode,
  step: FetchStep,
  levelOf: ReadonlyMap<FetchStep, number>,
): FetchStep[] {
  const child = position.children.get(alias);
  if (child !== undefined && !bringsAll(schema, child, selections)) return [];
  const bringing = child?.owner === undefined ? (position.leaves.get(alias) ?? []) : [child.owner];
  const before = levelOf.get(step) ?? 0;
  return bringing.filter((other) => (levelOf.get(other) ?? 0) < before).reverse();
}

/** Whether the fetch that brings an object brings along all that is required below it. */
function bringsAll(
  schema: GraphQLSchema,
  position: Position,
  selections: readonly QueryPlanSelectionNode[] = [],
): boolean {
  const { owner, typeName, leaves, children } = position;
  return selections.every((node) => {
    if (node.kind === 'InlineFragment') {
      const { typeCondition: condition } = node;
      const holds = condition === undefined || isTypeOrSubtype(schema, typeName, condition);
      return !holds || bringsAll(schema, position, node.selections);
    }
    const { name, alias = name } = node;
    const child = children.get(alias);
    return child === undefined
      ? leaves.get(alias)?.some((step) => step === owner) === true
      : child.owner === owner && bringsAll(schema, child, node.selections);
  });
}
