import { SecurityError } from '@aduana/core/errors/security-error';

type Members = Readonly<Record<string, unknown>>;

const LONGEST_SUBJECT = 255;
/** What no column holds, or holds as another text: U+0000, and surrogates without their other half. */
const UNKEPT = /[\0\p{Surrogate}]/u;

/**
 * The user that a token's events are about, in the form `iss_sub` (RFC 9493 section 3.2.3): as `sub_id` of the token, as
 * the `user` of a complex one, or as `subject` of an event.
 *
 * @returns undefined where there is none in this form
 * @throws SecurityError `access_denied` for a user of another issuer, `invalid_request` for one that cannot be
 */
export function readSubject(
  payload: Members,
  events: ReadonlyMap<string, Members>,
  issuer: string,
): string | undefined {
  const claims = [payload['sub_id'], ...[...events.values()].map((event) => event['subject'])];
  const subjects = new Set(claims.flatMap((one) => subjectIn(one, issuer) ?? []));
  if (subjects.size > 1) throw refuse('more than one subject');
  const [subject] = subjects;
  return subject;
}

function subjectIn(subject: unknown, issuer: string): string | undefined {
  if (!isMembers(subject)) return undefined;
  const { format = subject['subject_type'], user } = subject;
  if (format !== 'iss_sub')
    return format === 'complex' && isMembers(user) && user['format'] !== 'complex'
      ? subjectIn(user, issuer)
      : undefined;
  const { iss, sub } = subject;
  if (iss !== issuer) throw new SecurityError('access_denied', { detail: 'a user of another issuer' });
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT || UNKEPT.test(sub))
    throw refuse('no usable subject');
  return sub;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(detail: string): SecurityError {
  return new SecurityError('invalid_request', { detail });
}
