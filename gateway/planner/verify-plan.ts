import { SecurityError } from '@aduana/core/errors/security-error';
import type { FetchNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import {
  type FieldNode,
  getNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { fieldsBelow, readSubgraphFields, type SubgraphFields } from './subgraph-fields.ts';
import { fetchesOf } from './traverse-plan.ts';

/** Refuses a plan that would answer wrongly. */
export type VerifyPlan = (plan: QueryPlan) => void;

/**
 * The planner (2.14.4) loses its way where a `@requires` field needs another one of the subgraph that it came from: it
 * asks that subgraph at once, without the inputs, and for fields that are `@external` there. A resolver that does not
 * insist on its inputs would then answer something wrong, so each fetch is compared with what its subgraph can know.
 *
 * @throws SecurityError `OPERATION_NOT_PLANNABLE`, from the function that it makes
 */
export function createVerifyPlan(schema: GraphQLSchema): VerifyPlan {
  const subgraphs = readSubgraphFields(schema);

  return (plan) => {
    fetchesOf(plan).forEach(verifyFetch);
  };

  function verifyFetch({ serviceName, operation: text, requires }: FetchNode): void {
    const { definitions } = parse(text, { noLocation: true });
    const fragments = new Map<string, SelectionSetNode>();
    for (const definition of definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION)
        fragments.set(definition.name.value, definition.selectionSet);
    const subgraph = subgraphs.get(serviceName);
    if (subgraph === undefined) throw new TypeError('The plan has a fetch from an unknown subgraph');
    for (const definition of definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
      verifySelections({ serviceName, subgraph, fragments }, definition.selectionSet.selections, {
        type: schema.getRootType(definition.operation)?.name ?? '',
        given: new Set(requires?.flatMap(fieldNames)),
        provided: [],
      });
    }
  }

  function verifySelections(fetch: Fetch, selections: readonly SelectionNode[], place: Place): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) verifyField(fetch, selection, place);
      else if (selection.kind === Kind.FRAGMENT_SPREAD)
        verifySelections(fetch, fetch.fragments.get(selection.name.value)?.selections ?? [], place);
      else {
        const type = selection.typeCondition?.name.value ?? place.type;
        verifySelections(fetch, selection.selectionSet.selections, { ...place, type });
      }
    }
  }

  function verifyField(fetch: Fetch, { name: { value: name }, selectionSet }: FieldNode, place: Place): void {
    const { subgraph, serviceName } = fetch;
    if (name === '_entities') {
      verifySelections(fetch, selectionSet?.selections ?? [], place);
      return;
    }
    const coordinate = `${place.type}.${name}`;
    const known = subgraph.fields.get(coordinate);
    const provided = [...(subgraph.keys.get(place.type) ?? []), ...place.provided].filter(isNamed(name));
    const isGiven = (input: string) => place.given.has(input) || place.provided.some(isNamed(input));
    const isMissing = known?.external === true && provided.length === 0;
    if (isMissing || known?.requires.every(isGiven) === false)
      throw new SecurityError('OPERATION_NOT_PLANNABLE', {
        detail: `The plan asks ${serviceName} for ${coordinate}, which it cannot know there`,
      });
    if (selectionSet === undefined) return;
    verifySelections(fetch, selectionSet.selections, {
      type: typeBelow(schema, place.type, name),
      given: NOTHING,
      provided: [...provided.flatMap(fieldsBelow), ...(known?.provides ?? [])],
    });
  }
}

interface Fetch {
  readonly serviceName: string;
  readonly subgraph: SubgraphFields;
  readonly fragments: ReadonlyMap<string, SelectionSetNode>;
}

interface Place {
  readonly type: string;
  /** The fields that a representation brings. */
  readonly given: ReadonlySet<string>;
  /** What the subgraph knows here beyond its own. */
  readonly provided: readonly FieldNode[];
}

const NOTHING: ReadonlySet<string> = new Set();

function isNamed(name: string): (field: FieldNode) => boolean {
  return (field) => field.name.value === name;
}

function fieldNames(node: QueryPlanSelectionNode): string[] {
  return node.kind === 'Field' ? [node.name] : node.selections.flatMap(fieldNames);
}

function typeBelow(schema: GraphQLSchema, typeName: string, field: string): string {
  const type = schema.getType(typeName);
  const found = isObjectType(type) || isInterfaceType(type) ? type.getFields()[field] : undefined;
  return found === undefined ? '' : getNamedType(found.type).name;
}
