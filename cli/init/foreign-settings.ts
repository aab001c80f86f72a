import type { ImportedIssuer, ImportedVariable, Untaken } from './imported-graph.ts';

type Path = readonly string[];

/**
 * Reads a foreign configuration member by member, and knows at the end which members nobody read, so that none is
 * dropped in silence.
 */
export interface ForeignSettings {
  /** The value at a path, which counts as read with everything below it; undefined where there is none. */
  take(...path: Path): unknown;
  /** The value at a path, without counting it as read. */
  peek(...path: Path): unknown;
  /** The names of the members at a path; they do not count as read. */
  names(...path: Path): readonly string[];
  /** Takes a value that becomes a variable. `convert` returns undefined for a value that has no counterpart. */
  toVariable(name: string, convert: (value: unknown) => string | undefined, ...path: Path): void;
  leave(setting: string, reason: string): void;
  addIssuer(issuer: ImportedIssuer): void;
  /** @param reasons by the start of the path, for what nobody read */
  finish(reasons: Readonly<Record<string, string>>): {
    readonly variables: readonly ImportedVariable[];
    readonly issuers: readonly ImportedIssuer[];
    readonly untaken: readonly Untaken[];
  };
}

const UNKNOWN = 'aduana init does not know this setting';

export function createForeignSettings(root: unknown): ForeignSettings {
  const read = new Set<string>();
  const variables: ImportedVariable[] = [];
  const issuers: ImportedIssuer[] = [];
  const untaken: Untaken[] = [];

  const take = (...path: Path): unknown => {
    const value = at(root, path);
    if (value !== undefined) read.add(path.join('.'));
    return value;
  };
  const leave = (setting: string, reason: string): void => {
    untaken.push({ setting, reason });
  };
  return {
    take,
    leave,
    peek: (...path) => at(root, path),
    names: (...path) => Object.keys(asMembers(at(root, path))),
    toVariable(name, convert, ...path) {
      const value = take(...path);
      if (value === undefined) return;
      const converted = convert(value);
      if (converted === undefined) leave(path.join('.'), `its value has no counterpart in ${name}`);
      else variables.push({ name, value: converted, from: path.join('.') });
    },
    addIssuer: (issuer) => void issuers.push(issuer),
    finish(reasons) {
      for (const path of unread(root, [], read)) {
        const known = Object.keys(reasons).find((start) => path === start || path.startsWith(`${start}.`));
        leave(path, known === undefined ? UNKNOWN : (reasons[known] ?? UNKNOWN));
      }
      return { variables, issuers, untaken };
    },
  };
}

/** The members of a mapping; none for anything else. */
export function asMembers(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** The items of a list; a single value counts as a list of one. */
export function asItems(value: unknown): readonly unknown[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}

/** The texts of a list. */
export function asTexts(value: unknown): readonly string[] {
  return asItems(value).filter((item) => typeof item === 'string');
}

/** A whole number above 0 as text. */
export function toCount(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? String(value) : undefined;
}

/** `true` and `false` as the two values of a variable. */
export function toSwitch(on: string, off: string): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'boolean' ? (value ? on : off) : undefined);
}

/** A duration such as `30s`, `1m30s` or `500ms`, or a number of milliseconds, in milliseconds. */
export function toMilliseconds(value: unknown): number | undefined {
  if (typeof value === 'number') return value > 0 ? Math.ceil(value) : undefined;
  if (typeof value !== 'string' || value.length > 32) return undefined;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const parts = value.split(/(?<=[hms])(?=\d)/).map((part) => /^(\d{1,9})(ms|s|m|h)$/.exec(part));
  const total = parts.reduce(
    (sum, part) => sum + Number(part?.[1]) * (units[part?.[2] ?? ''] ?? Number.NaN),
    0,
  );
  return total > 0 ? total : undefined;
}

function at(root: unknown, path: Path): unknown {
  let value = root;
  for (const name of path) {
    const members = asMembers(value);
    value = Object.hasOwn(members, name) ? members[name] : undefined;
  }
  return value;
}

/** The outermost paths below which nothing was read, and the unread ones beside what was. */
function unread(value: unknown, path: Path, read: ReadonlySet<string>): readonly string[] {
  const here = path.join('.');
  if (read.has(here)) return [];
  const members = Object.entries(asMembers(value));
  const isTouched = here === '' || [...read].some((other) => other.startsWith(`${here}.`));
  if (members.length === 0) return here === '' || isTouched ? [] : [here];
  return isTouched ? members.flatMap(([name, member]) => unread(member, [...path, name], read)) : [here];
}
