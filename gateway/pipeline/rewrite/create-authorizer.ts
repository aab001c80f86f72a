import { createNeeds, type Needs } from '@aduana/core/graphql/needs';
import { type Requirement, type Rights, isMet, missingFrom } from '@aduana/core/graphql/requirement';
import type { Requirements } from '@aduana/core/graphql/requirements';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { type DocumentNode, Kind, type OperationDefinitionNode, print } from 'graphql';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { Authorized, Validated } from '../stages.ts';
import { analyzeOperation, type Fragments, type OperationAnalysis } from './analyze-operation.ts';
import { type ConditionValues, readConditionValues } from './conditions.ts';
import type { MissBudget } from './miss-budget.ts';
import { fetchKey, renameVariables, plannersFields } from './planner-workarounds.ts';
import { type RewrittenOperation, rewriteOperation } from './rewrite-operation.ts';
import { usedVariables } from './used-variables.ts';

/** `filter` nulls what is refused, `reject` refuses the whole operation, `dry_run` only tells. */
export type AuthorizationMode = 'filter' | 'reject' | 'dry_run';

/** Turns a caller's operation into the one that this caller may run. */
export type Authorize = (validated: Validated, supergraph: LoadedSupergraph, rights: Rights) => Authorized;

export interface AuthorizerOptions {
  readonly clock: Clock;
  readonly mode: AuthorizationMode;
  /** Of how many operations the rewrites are kept. */
  readonly capacity?: number;
  readonly budget?: MissBudget;
}

/** The part of `Authorized` that every request with the same document, rights and conditions shares. */
type Shared = Omit<Authorized, 'caller' | 'trace' | 'variables'>;

/** What is known of one operation of one document over one supergraph. */
interface KnownOperation {
  readonly supergraph: LoadedSupergraph;
  readonly fragments: Fragments;
  readonly analysis: OperationAnalysis;
  /** By the caller's rights and the values of the conditions. */
  readonly variants: BoundedCache<Shared>;
}

interface SupergraphTables {
  readonly needs: Needs;
  readonly plannersOwn: ReadonlySet<string>;
}

const DEFAULT_CAPACITY = 2_000;
const VARIANTS_PER_OPERATION = 100;

export function createAuthorizer(options: AuthorizerOptions): Authorize {
  const { clock, mode, capacity = DEFAULT_CAPACITY, budget = () => true } = options;
  const operations = createBoundedCache<KnownOperation>(clock, capacity);
  const near = new WeakMap<OperationDefinitionNode, KnownOperation>();
  const tables = new WeakMap<LoadedSupergraph, SupergraphTables>();

  return (validated, supergraph, rights) => {
    const { operation, caller, trace, variables } = validated;
    const known = knownOperation(validated, supergraph);
    const { analysis, variants } = known;
    const conditions = readConditionValues(analysis.conditionVariables, operation, variables);
    const held = snapshot(analysis, rights);
    let key = held.vector;
    for (const value of conditions.values()) key += value ? 't' : 'f';
    let shared = variants.get(key);
    if (shared === undefined) {
      shared = rewrite(validated, known, held, conditions);
      if (budget(caller)) variants.set(key, shared);
    }
    return { caller, trace, variables, ...shared }; // the spread last: first, it costs V8 twenty times as much
  };

  /** By the object where validation kept it, else by the document's hash. */
  function knownOperation(validated: Validated, supergraph: LoadedSupergraph): KnownOperation {
    const { document, documentHash, operation } = validated;
    const met = near.get(operation);
    if (met?.supergraph === supergraph) return met;
    const key = `${supergraph.hash} ${documentHash} ${operation.name?.value ?? ''}`;
    let known = operations.get(key);
    if (known?.supergraph !== supergraph) {
      const { supergraphSchema, requirements } = supergraph;
      const fragments = fragmentsOf(document);
      const { needs } = tablesOf(supergraph);
      const analysis = analyzeOperation(operation, fragments, supergraphSchema, needs, requirements);
      known = {
        supergraph,
        fragments,
        analysis,
        variants: createBoundedCache(clock, VARIANTS_PER_OPERATION),
      };
      operations.set(key, known);
    }
    near.set(operation, known);
    return known;
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

  function rewrite(
    validated: Validated,
    { supergraph, fragments }: KnownOperation,
    held: HeldRights,
    conditions: ConditionValues,
  ): Shared {
    const { supergraphSchema, requirements } = supergraph;
    const { needs, plannersOwn } = tablesOf(supergraph);
    const rewritten = rewriteOperation({
      operation: validated.operation,
      fragments,
      schema: supergraphSchema,
      needs,
      conditions,
      enforce: mode !== 'dry_run',
      meets: (number) => isMet(numbered(requirements, number), held),
      missing: (number) => missingFrom(numbered(requirements, number), held),
      dataKey: (responseKey, coordinate) => fetchKey(responseKey, coordinate, plannersOwn),
    });
    return share(validated, held, mode, rewritten);
  }
}

function numbered({ distinct }: Requirements, number: number): Requirement {
  const requirement = distinct[number];
  if (requirement === undefined) throw new TypeError('No requirement has this number');
  return requirement;
}

/** A caller's rights at one moment, as far as one operation asks for them. */
interface HeldRights extends Rights {
  readonly scopes: ReadonlySet<string>;
  readonly policies: readonly string[];
  /** One digit per scope and policy asked for: the caller's part of every cache key. */
  readonly vector: string;
}

function snapshot(analysis: OperationAnalysis, rights: Rights): HeldRights {
  const scopes = new Set<string>();
  const policies: string[] = [];
  let vector = rights.authenticated ? '1' : '0';
  for (const scope of analysis.scopes) {
    const holds = rights.holdsScope(scope);
    if (holds) scopes.add(scope);
    vector += holds ? '1' : '0';
  }
  for (const name of analysis.policies) {
    const holds = rights.holdsPolicy(name);
    if (holds) policies.push(name);
    vector += holds ? '1' : '0';
  }
  return {
    authenticated: rights.authenticated,
    holdsScope: (scope) => scopes.has(scope),
    holdsPolicy: (name) => policies.includes(name),
    scopes,
    policies,
    vector,
  };
}

function share(
  { document, documentHash, operation: original }: Validated,
  held: HeldRights,
  mode: AuthorizationMode,
  { shape, selections, refusals, fields, everythingRefused }: RewrittenOperation,
): Shared {
  const rejected = mode === 'reject' && refusals.length > 0;
  const operation = rejected || selections.length === 0 ? undefined : rebuild(original, selections);
  const rewritten: DocumentNode | undefined = operation && { kind: Kind.DOCUMENT, definitions: [operation] };
  return {
    stage: 'authorized',
    documentHash,
    original: document,
    originalOperation: original,
    shape,
    document: rewritten,
    operation,
    operationKey: sha256Hex(rewritten === undefined ? '' : print(rewritten)),
    refusals: mode === 'dry_run' ? [] : refusals,
    unenforced: mode === 'dry_run' ? refusals : [],
    everythingRefused: everythingRefused || rejected,
    rejected,
    fields: operation === undefined ? [] : fields,
    policies: held.policies,
    scopes: held.scopes,
  };
}

function rebuild(
  original: OperationDefinitionNode,
  selections: RewrittenOperation['selections'],
): OperationDefinitionNode {
  const used = usedVariables([...selections, ...(original.directives ?? [])]);
  return renameVariables({
    ...original,
    variableDefinitions: (original.variableDefinitions ?? []).filter(({ variable }) =>
      used.has(variable.name.value),
    ),
    selectionSet: { kind: Kind.SELECTION_SET, selections },
  });
}

function fragmentsOf({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
