import { type ASTNode, visit } from 'graphql';

/** The names of the variables that these nodes read. */
export function usedVariables(nodes: readonly ASTNode[]): ReadonlySet<string> {
  const used = new Set<string>();
  for (const node of nodes) {
    visit(node, { Variable: ({ name }) => void used.add(name.value) });
  }
  return used;
}
