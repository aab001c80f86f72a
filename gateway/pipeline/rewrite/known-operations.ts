import { createNeeds, type Needs } from '@aduana/core/graphql/needs';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { Validated } from '../stages.ts';
import { analyzeOperation, type Fragments, type OperationAnalysis } from './analyze-operation.ts';
import { plannersFields } from './planner-workarounds.ts';

/** What is worked out once for a supergraph. */
interface SupergraphTables {
  readonly needs: Needs;
  readonly plannersOwn: ReadonlySet<string>;
}

/** What is known of one operation of one document over one supergraph. */
export interface KnownOperation<Variant> extends SupergraphTables {
  readonly supergraph: LoadedSupergraph;
  readonly fragments: Fragments;
  readonly analysis: OperationAnalysis;
  /** By the caller's rights and the values of the conditions. */
  readonly variants: BoundedCache<Variant>;
}

const VARIANTS_PER_OPERATION = 100;

/** Remembers operations, by their object where validation kept it, else by supergraph, document and name. */
export function createKnownOperations<Variant>(
  clock: Clock,
  capacity: number,
): (validated: Validated, supergraph: LoadedSupergraph) => KnownOperation<Variant> {
  const operations = createBoundedCache<KnownOperation<Variant>>(clock, capacity);
  const near = new WeakMap<OperationDefinitionNode, KnownOperation<Variant>>();
  const tables = new WeakMap<LoadedSupergraph, SupergraphTables>();

  return (validated, supergraph) => {
    const { documentHash, operation } = validated;
    const met = near.get(operation);
    if (met?.supergraph === supergraph) return met;
    const key = `${supergraph.hash} ${documentHash} ${operation.name?.value ?? ''}`;
    let known = operations.get(key);
    if (known?.supergraph !== supergraph) operations.set(key, (known = learn(validated, supergraph)));
    near.set(operation, known);
    return known;
  };

  function learn({ document, operation }: Validated, supergraph: LoadedSupergraph): KnownOperation<Variant> {
    const { supergraphSchema, requirements } = supergraph;
    const { needs, plannersOwn } = tablesOf(supergraph);
    const fragments = fragmentsOf(document);
    return {
      supergraph,
      fragments,
      needs,
      plannersOwn,
      analysis: analyzeOperation(operation, fragments, supergraphSchema, needs, requirements),
      variants: createBoundedCache(clock, VARIANTS_PER_OPERATION),
    };
  }

  function tablesOf(supergraph: LoadedSupergraph): SupergraphTables {
    let known = tables.get(supergraph);
    if (known === undefined) {
      const { supergraphSchema, requirements } = supergraph;
      known = {
        needs: createNeeds(supergraphSchema, requirements),
        plannersOwn: plannersFields(supergraphSchema),
      };
      tables.set(supergraph, known);
    }
    return known;
  }
}

function fragmentsOf({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
