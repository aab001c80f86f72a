/** Execute, compiler, analysis: which fields the representations of each position consist of. */

import type { QueryPlanFieldNode, QueryPlanSelectionNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import type { Position, Variant } from './answer-positions.ts';
import type { FetchStep } from '../shared/plan-steps.ts';
import { requiredFields } from './required-fields.ts';
import { sentType } from './typename-rewrites.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/** The representations of one position: fetches that require the same share them. */
export interface RepresentationKeys {
  readonly id: number;
  readonly position: Position;
  /** By the types of the position's objects. */
  readonly required: ReadonlyMap<string, Required>;
  /** The fetches that may have brought the type of an object that the position's owner does not know, in plan order. */
  readonly typeSources: readonly FetchStep[];
  readonly steps: FetchStep[];
}

/** What a representation of objects of one type consists of. */
export interface Required {
  /** None where the fetches do not ask for the type. */
  readonly fields: readonly RequiredField[];
  /** The `__typename` that is sent. */
  readonly sentAs: string;
}

/** One field of a representation. */
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
      const required = new Map<string, Required>();
      for (const [type, variant] of position.variants) {
        const fields = requiredFields(schema, type, step.requires)?.map((node) => ({
          node,
          sources: sourcesOf(schema, variant, node, step, levelOf),
        }));
        if (fields === undefined || fields.some(({ sources }) => sources.length === 0)) return undefined;
        required.set(type, { fields, sentAs: sentType(schema, type, step) });
      }
      if ([...required.values()].every(({ fields }) => fields.length === 0)) return undefined;
      const before = levelOf.get(step) ?? 0;
      const typeSources = typeSourcesOf(position).filter((other) => (levelOf.get(other) ?? 0) < before);
      const one = { id: keys.length, position, required, typeSources, steps: [step] };
      const same = keys.find((known) => known.position === position && describe(known) === describe(one));
      if (same === undefined) keys.push(one);
      else same.steps.push(step);
    }
  }
  return keys;
}

/** The fetches that bring the type of objects which the position's owner calls by the name of an interface, in plan order. */
export function typeSourcesOf({ interfaceObject, additions, variants }: Position): readonly FetchStep[] {
  if (interfaceObject === undefined) return [];
  const telling = new Set([...variants.values()].flatMap(({ leaves }) => leaves.get('__typename') ?? []));
  return additions.filter((step) => telling.has(step));
}

function describe({ required, typeSources }: Pick<RepresentationKeys, 'required' | 'typeSources'>): string {
  const types = [...required].map(([type, { fields, sentAs }]) => [
    type,
    sentAs,
    fields.map(({ node, sources }) => [node, sources.map(({ index }) => index)]),
  ]);
  return JSON.stringify([types, typeSources.map(({ index }) => index)]);
}

function sourcesOf(
  schema: GraphQLSchema,
  { children, leaves }: Variant,
  { name, alias = name, selections }: QueryPlanFieldNode,
  step: FetchStep,
  levelOf: ReadonlyMap<FetchStep, number>,
): FetchStep[] {
  const child = children.get(alias);
  if (child !== undefined && !bringsAll(schema, child, selections)) return [];
  const bringing = child?.owner === undefined ? (leaves.get(alias) ?? []) : [child.owner];
  const before = levelOf.get(step) ?? 0;
  return bringing.filter((other) => (levelOf.get(other) ?? 0) < before).reverse();
}

/** Whether the fetch that brings an object brings along all that is required below it, whichever type it is of. */
function bringsAll(
  schema: GraphQLSchema,
  { owner, variants }: Position,
  selections: readonly QueryPlanSelectionNode[] = [],
): boolean {
  return [...variants].every(([type, variant]) => variantBrings(schema, owner, type, variant, selections));
}

function variantBrings(
  schema: GraphQLSchema,
  owner: FetchStep | undefined,
  type: string,
  variant: Variant,
  selections: readonly QueryPlanSelectionNode[],
): boolean {
  return selections.every((node) => {
    if (node.kind === 'InlineFragment') {
      const { typeCondition: condition } = node;
      const holds = condition === undefined || isTypeOrSubtype(schema, type, condition);
      return !holds || variantBrings(schema, owner, type, variant, node.selections);
    }
    const { name, alias = name } = node;
    const child = variant.children.get(alias);
    return child === undefined
      ? variant.leaves.get(alias)?.some((step) => step === owner) === true
      : child.owner === owner && bringsAll(schema, child, node.selections);
  });
}
