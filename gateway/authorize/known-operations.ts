import { keptCharacters } from '../limits/kept-characters.ts';
import { createNeeds, type Needs } from '@aduana/subgraph/graphql/needs';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { Validated } from '../stages.ts';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextBoundedCache,
  type TextEntry,
} from '@aduana/server-kit/platform/text-bounded-cache';
import { analyzeOperation, type Fragments, type OperationAnalysis } from './analyze-operation.ts';
import { createSpellOut, plannersFields, type SpellOut } from '../planner/planner-workarounds.ts';

/** What is worked out once for a supergraph. */
interface SupergraphTables {
  readonly needs: Needs;
  readonly plannersOwn: ReadonlySet<string>;
  readonly spellOut: SpellOut;
}

/** What is known for one supergraph, and goes with it. */
interface Known<Variant> extends SupergraphTables {
  readonly operations: TextBoundedCache<Entry<Variant>>;
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

type Entry<Variant> = KnownOperation<Variant> & TextEntry;

const VARIANTS_PER_OPERATION = 100;
const CHARACTERS_KEPT = keptCharacters();
const CHARACTERS_PER_OPERATION = 262_144;

/** Remembers operations, by their object where validation kept it, else by document and name. */
export function createKnownOperations<Variant>(
  clock: Clock,
  capacity: number,
): (validated: Validated, supergraph: LoadedSupergraph) => KnownOperation<Variant> {
  const bySupergraph = new WeakMap<LoadedSupergraph, Known<Variant>>();
  const near = new WeakMap<OperationDefinitionNode, Entry<Variant>>();

  return (validated, supergraph) => {
    const { documentHash, operation } = validated;
    const met = near.get(operation);
    if (met?.kept === true && met.supergraph === supergraph) {
      met.used = true;
      return met;
    }
    let known = bySupergraph.get(supergraph);
    if (known === undefined) bySupergraph.set(supergraph, (known = open(supergraph)));
    const key = `${documentHash} ${operation.name?.value ?? ''}`;
    let entry = known.operations.get(key);
    if (entry === undefined) known.operations.add((entry = learn(key, validated, supergraph, known)));
    if (entry.kept) near.set(operation, entry);
    return entry;
  };

  function open({ apiSchema, supergraphSchema, requirements }: LoadedSupergraph): Known<Variant> {
    return {
      needs: createNeeds(supergraphSchema, requirements),
      plannersOwn: plannersFields(supergraphSchema),
      spellOut: createSpellOut(apiSchema, supergraphSchema),
      operations: createTextBoundedCache({ entries: capacity, characters: CHARACTERS_KEPT }),
    };
  }

  function learn(
    key: string,
    { document, operation }: Validated,
    supergraph: LoadedSupergraph,
    { needs, plannersOwn, spellOut, operations }: Known<Variant>,
  ): Entry<Variant> {
    const { supergraphSchema, requirements } = supergraph;
    const fragments = fragmentsOf(document);
    const characters = document.loc?.source.body.length ?? 0;
    const entry: Entry<Variant> = {
      ...createTextEntry(key, characters),
      supergraph,
      fragments,
      needs,
      plannersOwn,
      spellOut,
      analysis: analyzeOperation(operation, fragments, supergraphSchema, needs, requirements),
      ...createVariants<Variant>(clock, characters, (change) => {
        operations.grow(entry, change);
      }),
    };
    return entry;
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
