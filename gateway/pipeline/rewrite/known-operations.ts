import { createNeeds, type Needs } from '@aduana/core/graphql/needs';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { Validated } from '../stages.ts';
import { createTextBounded, type Kept } from '../text-bounded.ts';
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
  variantOf(key: string): Variant | undefined;
  /** @param characters of the texts that the variant was made from and that it says */
  keepVariant(key: string, variant: Variant, characters: number): void;
}

type Entry<Variant> = KnownOperation<Variant> & Kept;

const VARIANTS_PER_OPERATION = 100;
/** What is made of a character takes about a hundred bytes. */
const CHARACTERS_KEPT = 2_097_152;
const CHARACTERS_PER_OPERATION = 262_144;

/** Remembers operations, by their object where validation kept it, else by supergraph, document and name. */
export function createKnownOperations<Variant>(
  clock: Clock,
  capacity: number,
): (validated: Validated, supergraph: LoadedSupergraph) => KnownOperation<Variant> {
  const operations = createTextBounded<Entry<Variant>>({ entries: capacity, characters: CHARACTERS_KEPT });
  const near = new WeakMap<OperationDefinitionNode, Entry<Variant>>();
  const tables = new WeakMap<LoadedSupergraph, SupergraphTables>();

  return (validated, supergraph) => {
    const { documentHash, operation } = validated;
    const met = near.get(operation);
    if (met?.supergraph === supergraph) {
      met.used = true;
      return met;
    }
    const key = `${supergraph.hash} ${documentHash} ${operation.name?.value ?? ''}`;
    let known = operations.get(key);
    if (known?.supergraph !== supergraph) operations.add((known = learn(key, validated, supergraph)));
    known.used = true;
    near.set(operation, known);
    return known;
  };

  function learn(
    key: string,
    { document, operation }: Validated,
    supergraph: LoadedSupergraph,
  ): Entry<Variant> {
    const { supergraphSchema, requirements } = supergraph;
    const known = tablesOf(supergraph);
    const fragments = fragmentsOf(document);
    const characters = document.loc?.source.body.length ?? 0;
    const entry: Entry<Variant> = {
      key,
      characters,
      used: false,
      onForget: () => near.delete(operation),
      supergraph,
      fragments,
      ...known,
      analysis: analyzeOperation(operation, fragments, supergraphSchema, known.needs, requirements),
      ...createVariants<Variant>(clock, characters, (change) => {
        operations.grow(entry, change);
      }),
    };
    return entry;
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

/** @param own characters of the document itself */
function createVariants<Variant>(
  clock: Clock,
  own: number,
  grow: (characters: number) => void,
): Pick<KnownOperation<Variant>, 'variantOf' | 'keepVariant'> {
  const variants = createBoundedCache<Variant>(clock, VARIANTS_PER_OPERATION);
  let kept = 0;
  return {
    variantOf: (key) => variants.get(key),
    keepVariant(key, variant, characters) {
      if (own + kept + characters > CHARACTERS_PER_OPERATION) {
        variants.clear();
        grow(-kept);
        kept = 0;
      }
      const before = variants.size;
      variants.set(key, variant);
      if (variants.size === before) return; // in the place of another that was about as long
      kept += characters;
      grow(characters);
    },
  };
}

function fragmentsOf({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
