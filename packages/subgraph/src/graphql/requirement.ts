/** Outer list OR, inner list AND; empty where nothing is asked. */
export type AnyOfAll = readonly (readonly string[])[];

/** What one coordinate asks for: all three parts must hold. */
export interface Requirement {
  readonly authenticated: boolean;
  readonly scopes: AnyOfAll;
  readonly policies: AnyOfAll;
  /** Nobody meets it: no directive guards the field, and such fields are denied. */
  readonly closed?: true;
}

/** What a caller may do now. */
export interface Rights {
  readonly authenticated: boolean;
  holdsScope(scope: string): boolean;
  /** Unknown names and failed evaluations are false. */
  holdsPolicy(name: string): boolean;
}

/** What of a requirement a narrowed token must carry. */
export interface Grant {
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
}

/** Whether a caller with these rights may use what asks for the requirement. */
export function isMet(requirement: Requirement, rights: Rights): boolean {
  return grantFor(requirement, rights) !== undefined;
}

/** One alternative by which `rights` meet the requirement; undefined where they do not. */
export function grantFor(requirement: Requirement, rights: Rights): Grant | undefined {
  if (!rights.authenticated || requirement.closed === true) return undefined;
  const scopes = firstMet(requirement.scopes, (scope) => rights.holdsScope(scope));
  if (scopes === undefined) return undefined;
  const policies = firstMet(requirement.policies, (name) => rights.holdsPolicy(name));
  return policies && { scopes, policies };
}

/** What the caller lacks, for the audit log and for explanations: `scope NAME`, `policy NAME`, `authentication`. */
export function missingFrom(requirement: Requirement, rights: Rights): readonly string[] {
  if (requirement.closed === true) return ['a directive that opens the field'];
  if (!rights.authenticated) return ['authentication'];
  return [
    ...lacking(requirement.scopes, (scope) => rights.holdsScope(scope)).map((scope) => `scope ${scope}`),
    ...lacking(requirement.policies, (name) => rights.holdsPolicy(name)).map((name) => `policy ${name}`),
  ];
}

/** Sorted, without repetitions, and without alternatives that another alternative implies. */
export function normalize(anyOfAll: AnyOfAll): AnyOfAll {
  const alternatives = anyOfAll.map((all) => [...new Set(all)].sort());
  const kept = alternatives.filter(
    (candidate, index) =>
      !alternatives.some(
        (other, at) =>
          at !== index &&
          other.every((name) => candidate.includes(name)) &&
          (other.length < candidate.length || at < index),
      ),
  );
  return kept.sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
}

/** Both must hold: the product of the alternatives, normalized. */
export function conjoin(left: AnyOfAll, right: AnyOfAll): AnyOfAll {
  if (left.length === 0) return normalize(right);
  if (right.length === 0) return normalize(left);
  return normalize(left.flatMap((one) => right.map((other) => [...one, ...other])));
}

function firstMet(anyOfAll: AnyOfAll, holds: (name: string) => boolean): readonly string[] | undefined {
  return anyOfAll.length === 0 ? [] : anyOfAll.find((all) => all.every(holds));
}

function lacking(anyOfAll: AnyOfAll, holds: (name: string) => boolean): string[] {
  if (firstMet(anyOfAll, holds) !== undefined) return [];
  return [...new Set(anyOfAll.flatMap((all) => all.filter((name) => !holds(name))))];
}
