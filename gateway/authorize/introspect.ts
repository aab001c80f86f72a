import { SecurityError } from '@aduana/core/errors/security-error';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import type { Rights } from '@aduana/subgraph/graphql/requirement';
import { sha256Hex } from '@aduana/core/platform/digest';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextEntry,
} from '@aduana/server-kit/platform/text-bounded-cache';
import {
  type DocumentNode,
  executeSync,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { CallerViews } from './caller-views.ts';
import { createIntrospectionLimit } from '../limits/introspection-size.ts';
import { type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import { usedVariables } from '../planner/used-variables.ts';
import type { Authorized } from '../stages.ts';

/** `filtered` shows what the caller may use, `full` everything, `off` nothing. */
export type IntrospectionMode = 'filtered' | 'full' | 'off';

/** The finished values of `__schema` and `__type`, by response key. */
export type Introspect = (
  authorized: Authorized,
  supergraph: LoadedSupergraph,
  rights: Rights,
) => Readonly<Record<string, unknown>>;

export interface IntrospectOptions {
  readonly mode: IntrospectionMode;
  readonly views: CallerViews;
  readonly budget?: MissBudget;
  /** Of all views together. */
  readonly kept?: { readonly entries: number; readonly characters: number };
}

type Answer = Readonly<Record<string, unknown>>;

interface KeptAnswer extends TextEntry {
  readonly answer: Answer;
}

/** An answer takes some four times the memory of its text. */
const KEPT = { entries: 500, characters: 4_194_304 } as const;
const NOTHING = {};

/** @throws SecurityError `INTROSPECTION_DISABLED` or `LIMIT_COST_EXCEEDED`, from the function that it makes */
export function createIntrospect({
  mode,
  views,
  budget = UNLIMITED,
  kept = KEPT,
}: IntrospectOptions): Introspect {
  const answers = createTextBoundedCache<KeptAnswer>(kept);
  const numberOf = createNumbers();
  const checkSize = createIntrospectionLimit();
  return (authorized, supergraph, rights) => {
    const asked = authorized.rejected ? [] : askedFields(authorized);
    if (asked.length === 0) return NOTHING;
    if (mode === 'off') throw new SecurityError('INTROSPECTION_DISABLED');
    const schema = mode === 'full' ? supergraph.apiSchema : views(supergraph, rights, authorized.caller);
    const fragments = fragmentsOf(authorized.original);
    const used = usedVariables([...asked, ...fragments.values()]);
    const key = keyOf(numberOf(schema), authorized, used);
    const known = answers.get(key);
    if (known !== undefined) return known.answer;
    return budget.spend(authorized.caller, () => {
      checkSize(schema, asked, fragments, authorized.variables);
      const answer = answerFrom(schema, { asked, fragments, used }, authorized);
      if (budget.mayKeep(authorized.caller))
        answers.add({ ...createTextEntry(key, JSON.stringify(answer).length), answer });
      return answer;
    });
  };
}

/** Of everything that the answer depends on, and of nothing else that a caller sends. */
function keyOf(
  view: number,
  { documentHash, originalOperation, variables }: Authorized,
  used: ReadonlySet<string>,
): string {
  const values = [...used].sort().map((name) => [name, variables[name]]);
  return sha256Hex(JSON.stringify([view, documentHash, originalOperation.name?.value, values]));
}

/** Numbers objects, and keeps none of them in memory. */
function createNumbers(): (item: object) => number {
  const numbers = new WeakMap<object, number>();
  let last = 0;
  return (item) => {
    let number = numbers.get(item);
    if (number === undefined) numbers.set(item, (number = last += 1));
    return number;
  };
}

function askedFields({ shape }: Authorized): readonly FieldNode[] {
  const open = [...shape.selections];
  const asked: FieldNode[] = [];
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    if (next.kind === 'fragment') open.unshift(...next.selections);
    else if (!next.refused && (next.name === '__schema' || next.name === '__type')) asked.push(next.node);
  }
  return asked;
}

interface AskedParts {
  readonly asked: readonly FieldNode[];
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Names of variables. */
  readonly used: ReadonlySet<string>;
}

function answerFrom(
  schema: GraphQLSchema,
  { asked, fragments, used }: AskedParts,
  { originalOperation, variables }: Authorized,
): Answer {
  const operation: OperationDefinitionNode = {
    ...originalOperation,
    variableDefinitions: (originalOperation.variableDefinitions ?? []).filter(({ variable }) =>
      used.has(variable.name.value),
    ),
    selectionSet: { kind: Kind.SELECTION_SET, selections: asked },
  };
  const document: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments.values()] };
  const { data, errors } = executeSync({ schema, document, variableValues: variables });
  if (errors !== undefined || !data) {
    throw new SecurityError('BAD_REQUEST', { detail: 'Introspection failed', cause: errors?.[0] });
  }
  return data;
}
