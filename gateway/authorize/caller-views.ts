import { createNeeds } from '@aduana/subgraph/graphql/needs';
import { isMet, type Rights } from '@aduana/subgraph/graphql/requirement';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { type DocumentNode, type GraphQLSchema, isCompositeType, parse, printSchema } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { buildVisibleSchema } from './visible-schema.ts';

/** The API schema as a caller with these rights may see it; the same object for the same rights. */
export type CallerViews = (supergraph: LoadedSupergraph, rights: Rights) => GraphQLSchema;

export interface CallerViewsOptions {
  readonly clock: Clock;
  /** How many views are kept. */
  readonly capacity?: number;
}

const DEFAULT_CAPACITY = 100;

/** Views are kept by the truth of each distinct requirement, so that callers with equal rights share one. */
export function createCallerViews({ clock, capacity = DEFAULT_CAPACITY }: CallerViewsOptions): CallerViews {
  const views = createBoundedCache<GraphQLSchema>(clock, capacity);
  const documents = new WeakMap<LoadedSupergraph, DocumentNode>();

  return (supergraph, rights) => {
    const met = supergraph.requirements.distinct.map((requirement) => isMet(requirement, rights));
    if (met.every(Boolean)) return supergraph.apiSchema;
    const key = `${supergraph.hash} ${met.map(Number).join('')}`;
    let view = views.get(key);
    if (view === undefined) views.set(key, (view = filter(supergraph, (number) => met[number] === true)));
    return view;
  };

  function filter(supergraph: LoadedSupergraph, meets: (requirement: number) => boolean): GraphQLSchema {
    const { apiSchema, supergraphSchema, requirements } = supergraph;
    let document = documents.get(supergraph);
    if (document === undefined) documents.set(supergraph, (document = parse(printSchema(apiSchema))));
    const needs = createNeeds(supergraphSchema, requirements);
    const roots = [apiSchema.getQueryType(), apiSchema.getMutationType(), apiSchema.getSubscriptionType()];
    return buildVisibleSchema(
      document,
      roots.flatMap((root) => root?.name ?? []),
      {
        type: (name) => needs.ofType(name).every(meets),
        field: (parent, name) => {
          const type = supergraphSchema.getType(parent);
          return isCompositeType(type) && needs.ofField(type, name).every(meets);
        },
      },
    );
  }
}
