import { type Requirement, type Rights, isMet, missingFrom } from '@aduana/subgraph/graphql/requirement';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { type DocumentNode, Kind, type OperationDefinitionNode, print } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { Authorized, Validated } from '../stages.ts';
import type { OperationAnalysis } from './analyze-operation.ts';
import { type ConditionValues, readConditionValues } from './conditions.ts';
import { createKnownOperations, type KnownOperation } from './known-operations.ts';
import { type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import { fetchKey, renameVariables } from '../planner/planner-workarounds.ts';
import { type RewrittenOperation, rewriteOperation } from './rewrite-operation.ts';
import { usedVariables } from '../planner/used-variables.ts';

/** `filter` nulls what is refused, `reject` refuses the whole operation, `dry_run` only records. */
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

const DEFAULT_CAPACITY = 2_000;

export function createAuthorizer(options: AuthorizerOptions): Authorize {
  const { clock, mode, capacity = DEFAULT_CAPACITY, budget = UNLIMITED } = options;
  const knownOperation = createKnownOperations<Shared>(clock, capacity);
  return (validated, supergraph, rights) => {
    const { operation, caller, trace, variables } = validated;
    const known = knownOperation(validated, supergraph);
    const { analysis } = known;
    const conditions = readConditionValues(analysis.conditionVariables, operation, variables);
    const held = snapshot(analysis, rights);
    let key = held.vector;
    for (const value of conditions.values()) key += value ? 't' : 'f';
    const incremental = validated.incremental === true && analysis.defers;
    if (incremental) key += 'd';
    let shared = known.variantOf(key);
    if (shared === undefined) {
      shared = budget.spend(caller, () =>
        share(validated, held, mode, rewrite(validated, known, held, { conditions, mode, incremental })),
      );
      if (budget.mayKeep(caller))
        known.keepVariant(
          key,
          shared,
          (validated.document.loc?.source.body.length ?? 0) + shared.operationLength,
        );
    }
    return { caller, trace, variables, ...shared }; // the spread last: first, it costs V8 twenty times as much
  };
}

interface RewriteRules {
  readonly conditions: ConditionValues;
  readonly mode: AuthorizationMode;
  readonly incremental: boolean;
}

function rewrite(
  { operation }: Validated,
  { supergraph, fragments, needs, plannersOwn, spellOut }: KnownOperation<Shared>,
  held: HeldRights,
  { conditions, mode, incremental }: RewriteRules,
): RewrittenOperation {
  const { supergraphSchema, requirements } = supergraph;
  return rewriteOperation({
    operation,
    fragments,
    schema: supergraphSchema,
    needs,
    conditions,
    incremental,
    enforce: mode !== 'dry_run',
    meets: (number) => isMet(numbered(requirements, number), held),
    missing: (number) => missingFrom(numbered(requirements, number), held),
    dataKey: (responseKey, coordinate) => fetchKey(responseKey, coordinate, plannersOwn),
    spellOut,
  });
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
  const text = rewritten === undefined ? '' : print(rewritten);
  return {
    stage: 'authorized',
    documentHash,
    original: document,
    originalOperation: original,
    shape,
    document: rewritten,
    operation,
    operationKey: sha256Hex(text),
    operationLength: text.length,
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
