import type { AccessContext } from './access-context.ts';
import type { Engine } from './compile.ts';
import { toInstant } from './compile-condition.ts';

/** The login that is asked for (RFC 9470 section 3). */
export interface StepUp {
  /** One of these classes, the preferred first; empty: the class of the present login will do. */
  readonly acrValues: readonly string[];
  /** How long ago the login may be at most; undefined: its age does not matter. */
  readonly maxAgeSeconds: number | undefined;
}

/**
 * The login with which something that is refused would be allowed now, all else being as it is; undefined where none
 * would do. Found by asking again with the logins that conditions of the policies speak of.
 *
 * @param allowed what would be decided in a context
 */
export function stepUpFor(
  { logins: { classes, ages } }: Engine,
  context: AccessContext,
  allowed: (context: AccessContext) => boolean,
): StepUp | undefined {
  const now = toInstant(context.time);
  if (now === undefined || (ages.length === 0 && classes.length === 0)) return undefined;
  const oldest = (holds: (authTime: number) => boolean): number =>
    Math.max(0, ...ages.filter((age) => holds(now - age * 1000)));
  if (allowed({ ...context, authTime: now })) {
    const maxAgeSeconds = oldest((authTime) => allowed({ ...context, authTime }));
    return { acrValues: [], maxAgeSeconds };
  }
  const acrValues = classes.filter((acr) => allowed({ ...context, acr, authTime: now }));
  if (acrValues.length === 0) return undefined;
  if (acrValues.every((acr) => allowed({ ...context, acr }))) return { acrValues, maxAgeSeconds: undefined };
  const maxAgeSeconds = oldest((authTime) =>
    acrValues.every((acr) => allowed({ ...context, acr, authTime })),
  );
  return { acrValues, maxAgeSeconds };
}

/** `a login of class X or Y, at most 300 seconds ago`. */
export function describeStepUp({ acrValues, maxAgeSeconds }: StepUp): string {
  const classes = acrValues.length === 0 ? '' : ` of the class ${acrValues.join(' or ')}`;
  const age = maxAgeSeconds === undefined ? '' : `, at most ${String(maxAgeSeconds)} seconds ago`;
  return `a login${classes}${age}`;
}

/** When a login becomes too old for one more condition of the policies; Infinity where that never happens. */
export function nextTooOld({ logins }: Engine, authTime: number | undefined, now: number): number {
  if (authTime === undefined) return Infinity;
  const instants = logins.ages.map((age) => authTime + age * 1000 + 1);
  return Math.min(Infinity, ...instants.filter((instant) => instant > now));
}
