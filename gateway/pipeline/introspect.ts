import { createNeeds } from '@aduana/core/graphql/needs';
import { SecurityError } from '@aduana/core/errors/security-error';
import { isMet, type Rights } from '@aduana/core/graphql/requirement';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import {
  type DocumentNode,
  executeSync,
  type FieldNode,
  type GraphQLSchema,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  parse,
  printSchema,
} from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { usedVariables } from './rewrite/used-variables.ts';
import type { Authorized } from './stages.ts';
import { buildVisibleSchema } from './visible-schema.ts';

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
  /** How many callers' views are kept. */
  readonly capacity?: number;
}

interface View {
  readonly schema: GraphQLSchema;
  readonly answers: BoundedCache<Readonly<Record<string, unknown>>>;
}

const DEFAULT_CAPACITY = 100;
const ANSWERS_PER_VIEW = 20;
const NOTHING = {};

/** @throws SecurityError `INTROSPECTION_DISABLED`, from the function that it makes */
export function createIntrospect(options: IntrospectOptions): Introspect {
  const { clock, mode, capacity = DEFAULT_CAPACITY } = options;
  const views = createBoundedCache<View>(clock, capacity);
  const documents = new WeakMap<LoadedSupergraph, DocumentNode>();

  return (authorized, supergraph, rights) => {
    if (authorized.rejected) return NOTHING;
    const asked = askedFields(authorized);
    if (asked.length === 0) return NOTHING;
    if (mode === 'off') throw new SecurityError('INTROSPECTION_DISABLED');
    const { schema, answers } = viewOf(supergraph, rights);
    const key = JSON.stringify([
      authorized.documentHash,
      authorized.originalOperation.name?.value,
      authorized.variables,
    ]);
    let answer = answers.get(key);
    if (answer === undefined) answers.set(key, (answer = answerFrom(schema, asked, authorized)));
    return answer;
  };

  function viewOf(supergraph: LoadedSupergraph, rights: Rights): View {
    const { requirements, hash } = supergraph;
    const met = requirements.distinct.map((requirement) => isMet(requirement, rights));
    const key = `${hash} ${mode === 'full' ? '' : met.map(Number).join('')}`;
    let view = views.get(key);
    if (view === undefined) {
      const schema =
        mode === 'full' ? supergraph.apiSchema : filter(supergraph, (number) => met[number] === true);
      view = { schema, answers: createBoundedCache(clock, ANSWERS_PER_VIEW) };
      views.set(key, view);
    }
    return view;
  }

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
): Readonly<Record<string, unknown>> {
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
