import { createNeeds, type Needs } from '@aduana/core/graphql/needs';
import { type Requirement, type Rights, isMet, missingFrom } from '@aduana/core/graphql/requirement';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { type DocumentNode, Kind, type OperationDefinitionNode, print } from 'graphql';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { Authorized, Validated } from '../stages.ts';
import { analyzeOperation, type Fragments, type OperationAnalysis } from './analyze-operation.ts';
import { readConditionValues } from './conditions.ts';
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
  /** How many rewritten operations are kept. */
  readonly capacity?: number;
}

/** The part of `Authorized` that every request with the same document, rights and conditions shares. */
type Shared = Omit<Authorized, 'caller' | 'trace' | 'variables'>;

interface SupergraphTables {
  readonly needs: Needs;
  readonly plannersFields: ReadonlySet<string>;
}

const DEFAULT_CAPACITY = 4_000;

export function createAuthorizer({ clock, mode, capacity = DEFAULT_CAPACITY }: AuthorizerOptions): Authorize {
  const analyses = createBoundedCache<OperationAnalysis>(clock, capacity);
  const rewrites = createBoundedCache<Shared>(clock, capacity);
  const tables = new WeakMap<LoadedSupergraph, SupergraphTables>();

  return (validated, supergraph, rights) => {
    const { document, operation } = validated;
    const known = tables.get(supergraph) ?? createTables(supergraph);
    tables.set(supergraph, known);
    const documentKey = `${supergraph.hash} ${validated.documentHash} ${operation.name?.value ?? ''}`;

    let analysis = analyses.get(documentKey);
    if (analysis === undefined) {
      analysis = analyzeOperation(
        operation,
        fragmentsOf(document),
        supergraph.supergraphSchema,
        known.needs,
        supergraph.requirements,
      );
      analyses.set(documentKey, analysis);
    }

    const conditions = readConditionValues(analysis.conditionVariables, operation, validated.variables);
    const held = snapshot(analysis, rights);
    const key = `${documentKey} ${mode} ${held.vector} ${[...conditions.values()].map(Number).join('')}`;
    let shared = rewrites.get(key);
    if (shared === undefined) {
      shared = share(validated, held, mode, rewrite());
      rewrites.set(key, shared);
    }
    const { caller, trace, variables } = validated;
    return { ...shared, caller, trace, variables };

    function rewrite(): RewrittenOperation {
      const { distinct } = supergraph.requirements;
      const requirement = (number: number): Requirement => {
        const found = distinct[number];
        if (found === undefined) throw new TypeError('No requirement has this number');
        return found;
      };
      return rewriteOperation({
        operation,
        fragments: fragmentsOf(document),
        schema: supergraph.supergraphSchema,
        needs: known.needs,
        conditions,
        enforce: mode !== 'dry_run',
        meets: (number) => isMet(requirement(number), held),
        missing: (number) => missingFrom(requirement(number), held),
        dataKey: (responseKey, coordinate) => fetchKey(responseKey, coordinate, known.plannersFields),
      });
    }
  };
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

function createTables(supergraph: LoadedSupergraph): SupergraphTables {
  return {
    needs: createNeeds(supergraph.supergraphSchema, supergraph.requirements),
    plannersFields: plannersFields(supergraph.supergraphSchema),
  };
}

function fragmentsOf({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition] as const] : [],
    ),
  );
}
