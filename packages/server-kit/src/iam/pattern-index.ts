import { isPermission } from './permission.ts';

/** Entries by permission pattern, found by a concrete permission in time that does not depend on their number. */
export interface PatternIndex<Entry> {
  add(pattern: string, entry: Entry): void;
  /** Entries whose pattern is the permission itself. */
  exact(permission: string): readonly Entry[];
  /** Entries whose pattern matches it through `*` or `**`. */
  wild(permission: string): readonly Entry[];
}

interface Branch<Entry> {
  readonly children: Map<string, Branch<Entry>>;
  readonly here: Entry[];
  readonly tail: Entry[];
}

export function createPatternIndex<Entry>(): PatternIndex<Entry> {
  const byName = new Map<string, Entry[]>();
  const root = createBranch<Entry>();

  function insert(pattern: string, entry: Entry): void {
    const segments = pattern.split(':');
    const open = segments.at(-1) === '**';
    let branch = root;
    for (const segment of open ? segments.slice(0, -1) : segments) {
      const child = branch.children.get(segment) ?? createBranch<Entry>();
      branch.children.set(segment, child);
      branch = child;
    }
    (open ? branch.tail : branch.here).push(entry);
  }

  return {
    add(pattern, entry) {
      if (!isPermission(pattern)) {
        insert(pattern, entry);
        return;
      }
      const entries = byName.get(pattern);
      if (entries === undefined) byName.set(pattern, [entry]);
      else entries.push(entry);
    },
    exact: (permission) => byName.get(permission) ?? [],
    wild(permission) {
      const found: Entry[] = [];
      collect(root, permission.split(':'), 0, found);
      return found;
    },
  };
}

function createBranch<Entry>(): Branch<Entry> {
  return { children: new Map(), here: [], tail: [] };
}

function collect<Entry>(
  branch: Branch<Entry>,
  segments: readonly string[],
  depth: number,
  found: Entry[],
): void {
  const segment = segments[depth];
  if (segment === undefined) {
    found.push(...branch.here);
    return;
  }
  found.push(...branch.tail);
  for (const name of [segment, '*']) {
    const child = branch.children.get(name);
    if (child !== undefined) collect(child, segments, depth + 1, found);
  }
}
