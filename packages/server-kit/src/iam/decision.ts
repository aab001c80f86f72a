import type { Location } from './policy.ts';

/** A condition's verdict; undefined where the context lacks what it asks about. */
export interface ConditionResult {
  readonly name: string;
  readonly holds: boolean | undefined;
}

/** What comes with a grant, over all granting rules together. */
export interface Obligations {
  /** The least of all granting rules. */
  readonly maxTtlSeconds: number | undefined;
  /** Ceilings, one list of patterns per limiting rule or role: a scope must match one pattern of each list. */
  readonly scopeCeilings: readonly (readonly string[])[];
  /** The audiences on which all granting rules agree; undefined: any. */
  readonly audiences: readonly string[] | undefined;
}

export interface Decision {
  readonly effect: 'allow' | 'deny';
  readonly action: string;
  /** Why: a rule decided, no rule applied, or nobody can hold such a permission. */
  readonly reason: 'rule' | 'no_rule' | 'unknown_permission';
  /** The id of the rule that decided. */
  readonly rule: string | undefined;
  readonly location: Location | undefined;
  /** From the role held to the role that holds the rule. */
  readonly rolePath: readonly string[];
  /** Verdicts of the conditions of the rule that decided. */
  readonly conditions: readonly ConditionResult[];
  readonly obligations: Obligations;
  readonly policySha256: string;
}

/** Whether a named policy holds. */
export interface PolicyDecision {
  readonly effect: 'allow' | 'deny';
  readonly policy: string;
  readonly reason: 'holds' | 'unknown_policy' | 'role_missing' | 'subject_missing' | 'condition';
  readonly location: Location | undefined;
  readonly conditions: readonly ConditionResult[];
  readonly policySha256: string;
}
