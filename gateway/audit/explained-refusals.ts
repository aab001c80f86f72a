import type { CallerRights, RolesAbout } from '../authorize/rights.ts';
import type { Refusal } from '../stages.ts';
import { bounded, cut } from './bounded-detail.ts';

const REFUSALS_KEPT = 50;
const REASONS_KEPT = 8;
/** Of the refused coordinates with their reasons. */
const REFUSED_CHARACTERS = 10_000;

/** A refused field with what decided of each right that the caller lacks. */
export interface ExplainedRefusal extends Omit<Refusal, 'lacks'> {
  readonly because: readonly Reason[];
}

/** `rule` and `location` where a rule of the policies decided; else the caller's roles, and those that would grant it. */
interface Reason extends Partial<RolesAbout> {
  readonly missing: string;
  readonly reason: string;
  readonly rule?: string;
  readonly location?: string;
}

/** Finds out why the caller lacks what a field needs. */
export function explainRefusal(
  { path, coordinate, missing: lacking }: Refusal,
  rights: CallerRights,
): ExplainedRefusal {
  const because = lacking.map((missing): Reason => {
    const decision = rights.decisionOf(missing);
    if (decision === undefined) return { missing, reason: 'not_granted', ...rights.rolesAbout(missing) };
    const { reason, location } = decision;
    const rule = 'rule' in decision ? decision.rule : undefined;
    return {
      missing,
      reason,
      ...(rule === undefined ? {} : { rule }),
      ...(location === undefined ? rights.rolesAbout(missing) : { location }),
    };
  });
  return { path, coordinate, missing: lacking, because };
}

/** The first rule that refused something. */
export function decidingRule(refusals: readonly ExplainedRefusal[]): string | null {
  return refusals.flatMap(({ because }) => because).find(({ rule }) => rule !== undefined)?.rule ?? null;
}

/** Those at the top survive a cut; the paths hold aliases, which the client chose. */
export function refusedFields(
  name: 'refused' | 'unenforced',
  refusals: readonly ExplainedRefusal[],
): Readonly<Record<string, unknown>> {
  if (refusals.length === 0) return {};
  const kept: Readonly<Record<string, unknown>>[] = [];
  let characters = 0;
  for (const refusal of [...refusals].sort((one, other) => one.path.length - other.path.length)) {
    const described = describeRefusal(refusal);
    characters += JSON.stringify(described).length;
    if (kept.length === REFUSALS_KEPT || characters > REFUSED_CHARACTERS) break;
    kept.push(described);
  }
  return { ...cut(`more_${name}`, refusals.length - kept.length), [name]: kept };
}

function describeRefusal({ coordinate, path, because }: ExplainedRefusal): Readonly<Record<string, unknown>> {
  return {
    coordinate,
    path: bounded(path.join('.')),
    because: because.slice(0, REASONS_KEPT),
    ...cut('more_because', because.length - REASONS_KEPT),
  };
}
