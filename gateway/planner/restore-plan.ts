import type { FetchNode, PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import {
  type DocumentNode,
  type FieldNode,
  Kind,
  parse,
  print,
  type SelectionNode,
  stripIgnoredCharacters,
  visit,
} from 'graphql';
import { mapFetches } from './traverse-plan.ts';
import { usedVariables } from './used-variables.ts';

/** By place (`field.field`, from the entity down), the names that are required there. */
type Uses = ReadonlyMap<string, ReadonlySet<string>>;

/** Fields that the planner was given beside those that there are. */
export interface MadeNames {
  /** By the name that was made. */
  readonly originals: ReadonlyMap<string, string>;
  /** By the coordinate of the field whose `@requires` it is. */
  readonly uses: ReadonlyMap<string, Uses>;
}

/** The plan with the names that fields have; those that they were given for the planner are aliases. */
export function restorePlan(plan: QueryPlan, names: MadeNames): QueryPlan {
  return mapFetches(plan, (fetch) => restoreFetch(fetch, names));
}

/** A representation has one field of a name: what is required with other arguments is sent apart. */
function restoreFetch(fetch: FetchNode, { originals, uses }: MadeNames): PlanNode {
  const document = parse(fetch.operation, { noLocation: true });
  const groups = fetch.requires === undefined ? [] : groupFields(document, uses);
  if (groups.length <= 1) return withOriginals(fetch, document, fetch.requires, originals);
  return {
    kind: 'Parallel',
    nodes: groups.map(({ fields, needs }) =>
      withOriginals(
        fetch,
        keepEntityFields(document, (field) => fields.has(field)),
        fetch.requires?.flatMap((node) => keepRequired(node, '', needs, originals)),
        originals,
      ),
    ),
  };
}

interface Group {
  readonly fields: Set<FieldNode>;
  readonly needs: Map<string, ReadonlySet<string>>;
}

/** The fields that are asked of entities, as many together as need nothing different at any place. */
function groupFields(document: DocumentNode, uses: ReadonlyMap<string, Uses>): readonly Group[] {
  const groups: Group[] = [];
  const isSame = (some: ReadonlySet<string>, other: ReadonlySet<string>) =>
    some.size === other.size && [...some].every((name) => other.has(name));
  eachEntityField(document, (field, type) => {
    const needed = [...(uses.get(`${type}.${field.name.value}`) ?? [])];
    let group = groups.find(({ needs }) =>
      needed.every(([place, names]) => isSame(needs.get(place) ?? names, names)),
    );
    if (group === undefined) groups.push((group = { fields: new Set(), needs: new Map() }));
    group.fields.add(field);
    for (const [place, names] of needed) group.needs.set(place, names);
  });
  return groups;
}

function eachEntityField(document: DocumentNode, visitField: (field: FieldNode, type: string) => void): void {
  const visitSelections = (selections: readonly SelectionNode[], type: string): void => {
    for (const node of selections)
      if (node.kind === Kind.FIELD) visitField(node, type);
      else if (node.kind === Kind.INLINE_FRAGMENT)
        visitSelections(node.selectionSet.selections, node.typeCondition?.name.value ?? type);
  };
  visit(document, {
    Field({ selectionSet }) {
      visitSelections(selectionSet?.selections ?? [], '');
      return false;
    },
  });
}

/** The operation without the other fields of its entities, and without the variables of those. */
function keepEntityFields(document: DocumentNode, keeps: (field: FieldNode) => boolean): DocumentNode {
  let depth = 0;
  const kept: DocumentNode = visit(document, {
    Field: {
      enter(node) {
        if (depth === 1 && !keeps(node)) return null;
        depth += 1;
        return undefined;
      },
      leave() {
        depth -= 1;
      },
    },
    InlineFragment: {
      leave: (node) => (node.selectionSet.selections.length === 0 ? null : undefined),
    },
  });
  const used = variablesOf(kept);
  return visit(kept, {
    VariableDefinition: ({ variable }) => (used.has(variable.name.value) ? false : null),
  });
}

function variablesOf({ definitions }: DocumentNode): ReadonlySet<string> {
  return usedVariables(
    definitions.map((one) => (one.kind === Kind.OPERATION_DEFINITION ? one.selectionSet : one)),
  );
}

function keepRequired(
  node: QueryPlanSelectionNode,
  above: string,
  needs: Group['needs'],
  originals: ReadonlyMap<string, string>,
): QueryPlanSelectionNode[] {
  const keep = (nodes: readonly QueryPlanSelectionNode[], at: string) =>
    nodes.flatMap((child) => keepRequired(child, at, needs, originals));
  if (node.kind !== 'Field') return [{ ...node, selections: keep(node.selections, above) }];
  const original = originals.get(node.name);
  const place = [above, original ?? node.name].filter((part) => part !== '').join('.');
  if (original !== undefined && needs.get(place)?.has(node.name) !== true) return [];
  return [node.selections === undefined ? node : { ...node, selections: keep(node.selections, place) }];
}

function withOriginals(
  fetch: FetchNode,
  document: DocumentNode,
  requires: FetchNode['requires'],
  originals: ReadonlyMap<string, string>,
): FetchNode {
  const operation: DocumentNode = visit(document, {
    Field: ({ name, alias = name, ...node }) => {
      const value = originals.get(name.value);
      return value === undefined ? undefined : { ...node, alias, name: { ...name, value } };
    },
  });
  const restoreNode = (node: QueryPlanSelectionNode): QueryPlanSelectionNode => {
    if (node.kind !== 'Field') return { ...node, selections: node.selections.map(restoreNode) };
    const original = originals.get(node.name);
    return {
      ...node,
      ...(original !== undefined && { name: original, alias: node.alias ?? node.name }),
      ...(node.selections !== undefined && { selections: node.selections.map(restoreNode) }),
    };
  };
  const used = variablesOf(operation);
  return {
    ...fetch,
    operation: stripIgnoredCharacters(print(operation)),
    ...(fetch.variableUsages !== undefined && {
      variableUsages: fetch.variableUsages.filter((name) => used.has(name)),
    }),
    ...(requires !== undefined && { requires: requires.map(restoreNode) }),
  };
}
