import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ExplainableSchema } from './explainable-schema.ts';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import { conjoin, type Requirement } from '@aduana/subgraph/graphql/requirement';

/** A coordinate of the document: what it needs, undefined where there is no such field, and what it is reached through. */
export interface CollectedCoordinate {
  readonly requirement: Requirement | undefined;
  readonly through: Set<string>;
}

/** A selection's parent type, and the field that it is under. */
interface Position {
  readonly parent: GraphQLNamedType | undefined;
  readonly through: string | undefined;
}

/**
 * The coordinates of a document in its order: fields, and types of fragments that are guarded.
 *
 * @throws SecurityError `LIMIT_TOKENS_EXCEEDED` for a document of more than `mostSelections`, its fragments written out
 */
export function collectCoordinates(
  document: DocumentNode,
  { schema, requirements, needs }: ExplainableSchema,
  mostSelections: number,
): ReadonlyMap<string, CollectedCoordinate> {
  const fragments = fragmentsOf(document);
  const found = new Map<string, CollectedCoordinate>();
  const open = new Set<FragmentDefinitionNode>();
  let steps = 0;

  function add(
    coordinate: string,
    numbers: readonly number[] | undefined,
    through: string | undefined,
  ): void {
    const requirement = numbers?.map((number) => requirements.distinct[number]).reduce(both, NOTHING);
    const known = found.get(coordinate) ?? { requirement, through: new Set<string>() };
    if (through !== undefined) known.through.add(through);
    found.set(coordinate, known);
  }

  function visit({ selections }: SelectionSetNode, at: Position): void {
    for (const selection of selections) {
      steps += 1;
      if (steps > mostSelections) throw new SecurityError('LIMIT_TOKENS_EXCEEDED');
      if (selection.kind === Kind.FIELD) visitField(selection, at);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        visitFragment(selection.typeCondition?.name.value, selection.selectionSet, at);
      else visitSpread(fragments.get(selection.name.value), at);
    }
  }

  function visitSpread(fragment: FragmentDefinitionNode | undefined, at: Position): void {
    if (fragment === undefined || open.has(fragment)) return;
    open.add(fragment);
    visitFragment(fragment.typeCondition.name.value, fragment.selectionSet, at);
    open.delete(fragment);
  }

  function visitFragment(condition: string | undefined, inside: SelectionSetNode, at: Position): void {
    const numbers = condition === undefined ? [] : needs.ofType(condition);
    if (condition !== undefined && numbers.length > 0) add(condition, numbers, at.through);
    visit(inside, { ...at, parent: condition === undefined ? at.parent : schema.getType(condition) });
  }

  function visitField(
    { name: { value: name }, selectionSet }: FieldNode,
    { parent, through }: Position,
  ): void {
    if (!isCompositeType(parent) || name.startsWith('__')) return;
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    const coordinate = `${parent.name}.${name}`;
    add(coordinate, field && needs.ofField(parent, name), through);
    if (selectionSet !== undefined && field !== undefined)
      visit(selectionSet, { parent: getNamedType(field.type), through: coordinate });
  }

  for (const definition of document.definitions)
    if (definition.kind === Kind.OPERATION_DEFINITION)
      visit(definition.selectionSet, {
        parent: schema.getRootType(definition.operation) ?? undefined,
        through: undefined,
      });
  return found;
}

const NOTHING: Requirement = { authenticated: true, scopes: [], policies: [] };

function both(left: Requirement | undefined, right: Requirement | undefined): Requirement {
  const [a, b] = [left ?? NOTHING, right ?? NOTHING];
  return {
    authenticated: true,
    scopes: conjoin(a.scopes, b.scopes),
    policies: conjoin(a.policies, b.policies),
  };
}
