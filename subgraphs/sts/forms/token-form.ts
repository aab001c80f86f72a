import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';

/** The parameters of a request to an OAuth endpoint; an empty value counts as absent (RFC 6749 section 3.1). */
export interface TokenForm {
  /** The parameter's one value. */
  get(name: string): string | undefined;
  /** All values of `resource` or `audience`, which may repeat (RFC 8693 section 2.1). */
  all(name: 'resource' | 'audience'): readonly string[];
}

const BODY_LIMIT_BYTES = 131_072;
/** Characters: what is granted is remembered by what was asked. */
const LONGEST_SCOPE = 16_384;
const REPEATABLE = new Set(['resource', 'audience']);

/**
 * Reads the form of a request (RFC 6749 section 3.2): `application/x-www-form-urlencoded` in the body alone.
 *
 * @throws SecurityError `invalid_request`; `PAYLOAD_TOO_LARGE`
 */
export async function readTokenForm(request: ServiceRequest): Promise<TokenForm> {
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';');
  if (mediaType.trim().toLowerCase() !== 'application/x-www-form-urlencoded')
    throw new SecurityError('invalid_request', { detail: 'not a form' });
  if (request.query.size > 0) throw new SecurityError('invalid_request', { detail: 'parameters in the URL' });
  const text = decodeUtf8(await request.body(BODY_LIMIT_BYTES));
  const values = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = values.get(name);
    if (before === undefined) values.set(name, [value]);
    else if (REPEATABLE.has(name)) before.push(value);
    else throw new SecurityError('invalid_request', { detail: 'a parameter is repeated' });
  }
  return {
    get(name) {
      const value = values.get(name)?.[0];
      return value === '' ? undefined : value;
    },
    all: (name) => (values.get(name) ?? []).filter((value) => value !== ''),
  };
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new SecurityError('invalid_request', { detail: 'the form is not UTF-8', cause: error });
  }
}

/**
 * The scopes of a space-delimited list (RFC 6749 section 3.3), each once.
 *
 * @throws SecurityError `invalid_scope` for other characters, and for more than any token has
 */
export function parseScope(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  if (text.length > LONGEST_SCOPE) throw new SecurityError('invalid_scope', { detail: 'too long' });
  const scopes = [...new Set(text.split(' ').filter((scope) => scope !== ''))];
  if (!scopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(scope)))
    throw new SecurityError('invalid_scope', { detail: 'characters' });
  return scopes;
}
