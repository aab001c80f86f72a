import { SecurityError } from '@aduana/core/errors/security-error';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import type { Rights } from '@aduana/subgraph/graphql/requirement';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import {
  type DocumentNode,
  executeSync,
  type FieldNode,
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
  readonly clock: Clock;
  readonly mode: IntrospectionMode;
  readonly views: CallerViews;
  readonly budget?: MissBudget;
}

type Answer = Readonly<Record<string, unknown>>;

const ANSWERS_PER_VIEW = 20;
const NOTHING = {};

/** @throws SecurityError `INTROSPECTION_DISABLED` or `LIMIT_COST_EXCEEDED`, from the function that it makes */
export function createIntrospect({ clock, mode, views, budget = UNLIMITED }: IntrospectOptions): Introspect {
  const answers = new WeakMap<GraphQLSchema, BoundedCache<Answer>>();
  const checkSize = createIntrospectionLimit();
  return (authorized, supergraph, rights) => {
    const asked = authorized.rejected ? [] : askedFields(authorized);
    if (asked.length === 0) return NOTHING;
    if (mode === 'off') throw new SecurityError('INTROSPECTION_DISABLED');
    const schema = mode === 'full' ? supergraph.apiSchema : views(supergraph, rights, authorized.caller);
    let known = answers.get(schema);
    if (known === undefined) answers.set(schema, (known = createBoundedCache(clock, ANSWERS_PER_VIEW)));
    const { documentHash, original, originalOperation, variables } = authorized;
    const key = JSON.stringify([documentHash, originalOperation.name?.value, variables]);
    let answer = known.get(key);
    if (answer === undefined) {
      answer = budget.spend(authorized.caller, () => {
        checkSize(schema, asked, fragmentsOf(original), variables);
        return answerFrom(schema, asked, authorized);
      });
      known.set(key, answer);
    }
    return answer;
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

function answerFrom(
  schema: GraphQLSchema,
  asked: readonly FieldNode[],
  { original, originalOperation, variables }: Authorized,
): Answer {
  const fragments = original.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const used = usedVariables([...asked, ...fragments]);
  const operation: OperationDefinitionNode = {
    ...originalOperation,
    variableDefinitions: (originalOperation.variableDefinitions ?? []).filter(({ variable }) =>
      used.has(variable.name.value),
    ),
    selectionSet: { kind: Kind.SELECTION_SET, selections: asked },
  };
  const document: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] };
  const { data, errors } = executeSync({ schema, document, variableValues: variables });
  if (errors !== undefined || !data) {
    throw new SecurityError('BAD_REQUEST', { detail: 'Introspection failed', cause: errors?.[0] });
  }
  return data;
}
