/** Execute, at each response: which keys of it were asked for; everything else is ignored. */

import { type FieldNode, Kind, type SelectionNode, type SelectionSetNode } from 'graphql';

/** The keys of a fetch's answer, fragments merged; null for leaves, whatever lies below them is their value. */
export type SelectionTree = ReadonlyMap<string, SelectionTree | null>;

/** @param rename of a key as the subgraph answers it, where the plan renames it on receipt */
export function createSelectionTree(
  selections: readonly SelectionNode[],
  fragments: ReadonlyMap<string, SelectionSetNode>,
  rename: (key: string) => string | undefined,
): SelectionTree {
  const tree = new Map<string, SelectionTree | null>();
  for (const [key, fields] of groupByKey(selections, fragments)) {
    const below = fields.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
    const leaf = fields.every(({ selectionSet }) => selectionSet === undefined);
    const name = rename(key) ?? key;
    const subtree = leaf ? null : createSelectionTree(below, fragments, rename);
    const known = tree.get(name);
    tree.set(name, known && subtree ? new Map([...known, ...subtree]) : subtree);
  }
  return tree;
}

function groupByKey(
  selections: readonly SelectionNode[],
  fragments: ReadonlyMap<string, SelectionSetNode>,
): Map<string, FieldNode[]> {
  const groups = new Map<string, FieldNode[]>();
  const gather = (nodes: readonly SelectionNode[]) => {
    for (const node of nodes) {
      if (node.kind === Kind.FIELD) {
        const key = node.alias?.value ?? node.name.value;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [node]);
        else group.push(node);
      } else if (node.kind === Kind.INLINE_FRAGMENT) gather(node.selectionSet.selections);
      else gather(fragments.get(node.name.value)?.selections ?? []);
    }
  };
  gather(selections);
  return groups;
}
