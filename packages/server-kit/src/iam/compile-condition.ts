import type { AccessContext } from './access-context.ts';
import { createAddressMatcher } from '../platform/address-range.ts';
import { segmentsMatch } from './permission.ts';
import type { Condition } from './policy.ts';
import { createTimeMatcher } from './time-window.ts';

/** Whether a condition holds; undefined where the context lacks what it asks about. */
export type Check = (context: AccessContext) => boolean | undefined;

/** By how much the clock of the service that named a time may be ahead. */
const CLOCK_SKEW_MS = 30_000;
const LARGEST_INSTANT = 8_640_000_000_000_000;

/** Compiles conditions by name; those that name others come out after them, so that no name is missing. */
export function compileConditions(conditions: ReadonlyMap<string, Condition>): ReadonlyMap<string, Check> {
  const compiled = new Map<string, Check>();
  function compile(name: string): Check {
    const known = compiled.get(name);
    if (known !== undefined) return known;
    const condition = conditions.get(name);
    if (condition === undefined) throw new TypeError('a condition is named that does not exist');
    const check = every(partsOf(condition, compile));
    compiled.set(name, check);
    return check;
  }
  for (const name of conditions.keys()) compile(name);
  return compiled;
}

/** Holds when all hold; fails when one fails; else undefined. */
export function every(checks: readonly Check[]): Check {
  const [only] = checks;
  if (checks.length === 1 && only !== undefined) return only;
  return (context) => {
    let verdict: boolean | undefined = true;
    for (const check of checks) {
      const holds = check(context);
      if (holds === false) return false;
      if (holds === undefined) verdict = undefined;
    }
    return verdict;
  };
}

/** Holds when the check fails, fails when it holds. */
export function negate(check: Check): Check {
  return (context) => {
    const holds = check(context);
    return holds === undefined ? undefined : !holds;
  };
}

function partsOf(condition: Condition, named: (name: string) => Check): readonly Check[] {
  const { allOf, anyOf, noneOf } = condition;
  const parts: (Check | undefined)[] = [
    ...callerChecks(condition),
    ...placeChecks(condition),
    ...loginChecks(condition),
    allOf && every(allOf.map(named)),
    anyOf && negate(every(anyOf.map((name) => negate(named(name))))),
    noneOf && every(noneOf.map((name) => negate(named(name)))),
  ];
  return parts.filter((part) => part !== undefined);
}

function callerChecks(condition: Condition): readonly (Check | undefined)[] {
  const { mtls, spiffe, san, authentication, proofOfPossession, delegation, rate, name } = condition;
  const spiffePatterns = spiffe?.map(splitSpiffeId);
  return [
    mtls === undefined ? undefined : (context) => equal(context.mtls, mtls),
    spiffePatterns &&
      ((context) =>
        test(context.spiffeId, (id) => {
          const segments = splitSpiffeId(id);
          return spiffePatterns.some((pattern) => segmentsMatch(pattern, segments));
        })),
    san &&
      ((context) => test(context.subjectAltNames, (names) => names.some((entry) => san.includes(entry)))),
    authentication &&
      ((context) => test(context.authenticationMethod, (method) => authentication.includes(method))),
    proofOfPossession === undefined
      ? undefined
      : (context) => equal(context.proofOfPossession, proofOfPossession),
    delegation &&
      ((context) =>
        test(
          context.actors,
          (actors) =>
            actors.length <= (delegation.maxDepth ?? Infinity) &&
            (delegation.actors === undefined ||
              actors.every((actor) => delegation.actors?.includes(actor) === true)),
        )),
    rate && ((context) => context.rates?.get(name)),
  ];
}

function placeChecks({ time, cidr, environment }: Condition): readonly (Check | undefined)[] {
  const inWindow = time && createTimeMatcher(time);
  const inRanges = cidr && createAddressMatcher(cidr);
  return [
    inWindow && ((context) => test(toInstant(context.time), inWindow)),
    inRanges && ((context) => (context.address === undefined ? undefined : inRanges(context.address))),
    environment && ((context) => test(context.environment, (name) => environment.includes(name))),
  ];
}

function loginChecks({ acr, maxAgeSeconds }: Condition): readonly (Check | undefined)[] {
  return [
    acr && ((context) => test(context.acr, (reached) => acr.includes(reached))),
    maxAgeSeconds === undefined
      ? undefined
      : (context) => test(ageOf(context), (age) => age <= maxAgeSeconds * 1000),
  ];
}

/** Milliseconds since the login; undefined where it is not known, or lies in the future. */
function ageOf({ time, authTime }: AccessContext): number | undefined {
  const [now, then] = [toInstant(time), toInstant(authTime)];
  return now === undefined || then === undefined || then - now > CLOCK_SKEW_MS
    ? undefined
    : Math.max(0, now - then);
}

function test<Value>(value: Value | undefined, holds: (value: Value) => boolean): boolean | undefined {
  return value === undefined ? undefined : holds(value);
}

function equal(value: boolean | undefined, wanted: boolean): boolean | undefined {
  return value === undefined ? undefined : value === wanted;
}

export function toInstant(time: AccessContext['time']): number | undefined {
  const instant = typeof time === 'string' ? Date.parse(time) : Number(time ?? NaN);
  return Math.abs(instant) <= LARGEST_INSTANT ? instant : undefined;
}

/** `spiffe://domain/a/b` as its segments. */
function splitSpiffeId(id: string): readonly string[] {
  return id.replace(/^spiffe:\/\//, '').split('/');
}
