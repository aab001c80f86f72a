import { ERROR_CODES } from '@aduana/core/errors/error-codes';
import type { StepUp } from '@aduana/server-kit/iam/step-up';
import type { Requirement } from '@aduana/subgraph/graphql/requirement';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import type { GraphQLFormattedError } from 'graphql';
import type { Refusal } from '../stages.ts';
import type { CallerRights } from './rights.ts';

/** Which of an answer's refusals a login would cure, and which login. */
export interface Cure {
  /** Cures all of them that a login cures, or the first where no single login would. */
  readonly login: StepUp;
  /** Whether nothing stays refused then. */
  readonly isWhole: boolean;
  /** By the refused field's path, joined with dots. */
  readonly byPath: ReadonlyMap<string, StepUp>;
}

/** The logins that would cure refusals (RFC 9470); undefined where none would cure any. */
export function findCure(
  refusals: readonly Refusal[],
  { distinct }: Requirements,
  rights: Pick<CallerRights, 'stepUpFor'>,
): Cure | undefined {
  if (refusals.length === 0) return undefined;
  const known = new Map<string, StepUp | undefined>();
  const byPath = new Map<string, StepUp>();
  const curable = new Set<Requirement>();
  for (const { path, lacks } of refusals) {
    const key = lacks.join(' ');
    const needed = lacks.flatMap((number) => distinct[number] ?? []);
    if (!known.has(key)) known.set(key, rights.stepUpFor(needed));
    const login = known.get(key);
    if (login === undefined) continue;
    byPath.set(path.join('.'), login);
    for (const requirement of needed) curable.add(requirement);
  }
  const [first] = byPath.values();
  if (first === undefined) return undefined;
  const login = rights.stepUpFor([...curable]);
  return { login: login ?? first, isWhole: login !== undefined && byPath.size === refusals.length, byPath };
}

/** What `extensions.stepUp` says, in the words of the challenge. */
export function showStepUp({ acrValues, maxAgeSeconds }: StepUp): Readonly<Record<string, unknown>> {
  return {
    ...(acrValues.length === 0 ? {} : { acr_values: acrValues }),
    ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }),
  };
}

/** The challenge without its scheme (RFC 9470 section 3). */
export function describeChallenge({ acrValues, maxAgeSeconds }: StepUp): string {
  return [
    'error="insufficient_user_authentication"',
    `error_description="${ERROR_CODES.INSUFFICIENT_USER_AUTHENTICATION.text}"`,
    ...(acrValues.length === 0 ? [] : [`acr_values="${acrValues.join(' ')}"`]),
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${String(maxAgeSeconds)}"`]),
  ].join(', ');
}

/** The errors, those of refusals that a login would cure with that login. */
export function tellCure(
  errors: readonly GraphQLFormattedError[],
  cure: Cure | undefined,
): readonly GraphQLFormattedError[] {
  if (cure === undefined) return errors;
  return errors.map((error) => {
    const login = cure.byPath.get(error.path?.join('.') ?? '');
    if (login === undefined || error.extensions?.['code'] !== 'UNAUTHORIZED_FIELD_OR_TYPE') return error;
    return { ...error, extensions: { ...error.extensions, stepUp: showStepUp(login) } };
  });
}
