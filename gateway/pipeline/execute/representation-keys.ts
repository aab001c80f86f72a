import type { QueryPlanFieldNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import type { Position } from './answer-positions.ts';
import type { FetchStep } from './compile-plan.ts';
import { requiredFields } from './required-fields.ts';

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
        sources: sourcesOf(position, node, step, levelOf),
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
  position: Position,
  { alias, name }: QueryPlanFieldNode,
  step: FetchStep,
  levelOf: ReadonlyMap<FetchStep, number>,
): FetchStep[] {
  const key = alias ?? name;
  const owner = position.children.get(key)?.owner;
  const bringing = owner === undefined ? (position.leaves.get(key) ?? []) : [owner];
  const before = levelOf.get(step) ?? 0;
  return bringing.filter((other) => (levelOf.get(other) ?? 0) < before).reverse();
}
