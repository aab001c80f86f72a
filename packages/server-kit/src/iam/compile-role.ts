import { type Check, every, negate } from './compile-condition.ts';
import { INTERNAL_PERMISSIONS } from './built-in-permissions.ts';
import { createPatternIndex } from './pattern-index.ts';
import type { Constraints, Role, Rule } from './policy.ts';

/** A rule as one role reaches it. */
export interface ReachedRule {
  readonly rule: Rule;
  /** From the role held to the role that holds the rule. */
  readonly rolePath: readonly string[];
  /** Whether its conditions hold; undefined: it has none. */
  readonly guard: Check | undefined;
  /** Its own, and those of the roles on its path. */
  readonly constraints: readonly Constraints[];
  /** Nearer roles first, then the order of the file. */
  readonly order: number;
}

/** The rules of one role that are about one permission. */
export interface Candidates {
  readonly denies: readonly ReachedRule[];
  readonly allows: readonly ReachedRule[];
  /** Whether the context can change what they say. */
  readonly conditional: boolean;
}

export interface CompiledRole {
  readonly name: string;
  /** The role itself and all that it inherits from. */
  readonly held: ReadonlySet<string>;
  /** @param permission one of the catalogue: what is found is kept */
  candidates(permission: string): Candidates;
}

const INTERNAL: ReadonlySet<string> = new Set(INTERNAL_PERMISSIONS);

/** The rules of a role and of all that it inherits from; indexed at the first question. */
export function compileRole(
  name: string,
  roles: ReadonlyMap<string, Role>,
  checks: ReadonlyMap<string, Check>,
): CompiledRole {
  const paths = pathsFrom(name, roles);
  const known = new Map<string, Candidates>();
  const index = createPatternIndex<ReachedRule>();
  let indexed = false;

  function fill(): void {
    indexed = true;
    let order = 0;
    for (const [roleName, rolePath] of paths) {
      const limits = rolePath.map((step) => roles.get(step)?.constraints ?? {});
      for (const rule of roles.get(roleName)?.rules ?? []) {
        const constraints = [rule.constraints, ...limits].filter(limitsAnything);
        index.add(rule.pattern, { rule, rolePath, guard: compileGuard(rule, checks), constraints, order });
        order += 1;
      }
    }
  }

  return {
    name,
    held: new Set(paths.keys()),
    candidates(permission) {
      const found = known.get(permission);
      if (found !== undefined) return found;
      if (!indexed) fill();
      const wild = index
        .wild(permission)
        .filter(({ rule }) => rule.effect === 'deny' || !INTERNAL.has(permission));
      const all = [...index.exact(permission), ...wild].sort((a, b) => a.order - b.order);
      const candidates = {
        denies: all.filter(({ rule }) => rule.effect === 'deny'),
        allows: all.filter(({ rule }) => rule.effect === 'allow'),
        conditional: all.some(({ guard }) => guard !== undefined),
      };
      known.set(permission, candidates);
      return candidates;
    },
  };
}

/** The shortest way from a role to each role that it inherits from, nearest first. */
function pathsFrom(name: string, roles: ReadonlyMap<string, Role>): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>([[name, [name]]]);
  for (const [role, path] of paths)
    for (const parent of roles.get(role)?.inherits ?? [])
      if (!paths.has(parent)) paths.set(parent, [...path, parent]);
  return paths;
}

/** All of `when`, and not all of `unless`; undefined where a rule has neither. */
export function compileGuard(
  { when, unless }: Pick<Rule, 'when' | 'unless'>,
  checks: ReadonlyMap<string, Check>,
): Check | undefined {
  const named = (name: string): Check => {
    const check = checks.get(name);
    if (check === undefined) throw new TypeError('a condition is named that does not exist');
    return check;
  };
  const parts = when.map(named);
  if (unless.length > 0) parts.push(negate(every(unless.map(named))));
  return parts.length === 0 ? undefined : every(parts);
}

function limitsAnything({ maxTtlSeconds, scopes, audiences }: Constraints): boolean {
  return maxTtlSeconds !== undefined || scopes !== undefined || audiences !== undefined;
}
