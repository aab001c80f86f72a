import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';

const BODY_LIMIT_BYTES = 65_536;

/**
 * The parameters of a JSON object or a form; numbers as text, `null` and empty ones left out.
 *
 * @throws SecurityError `BAD_REQUEST`, `UNSUPPORTED_MEDIA_TYPE`
 */
export async function readParameters(request: ServiceRequest): Promise<ReadonlyMap<string, string>> {
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';');
  const text = (await request.body(BODY_LIMIT_BYTES)).toString('utf8');
  const entries = parse(mediaType.trim().toLowerCase(), text);
  const parameters = new Map<string, string>();
  for (const [name, value] of entries) {
    if (parameters.has(name)) throw new SecurityError('BAD_REQUEST', { detail: 'a parameter is repeated' });
    if (value === null || value === '') continue;
    if (typeof value !== 'string' && typeof value !== 'number')
      throw new SecurityError('BAD_REQUEST', { detail: 'a parameter is neither text nor a number' });
    parameters.set(name, String(value));
  }
  return parameters;
}

function parse(mediaType: string, text: string): Iterable<[string, unknown]> {
  if (mediaType === 'application/x-www-form-urlencoded') return new URLSearchParams(text);
  if (mediaType !== 'application/json') throw new SecurityError('UNSUPPORTED_MEDIA_TYPE');
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return Object.entries(parsed);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
  throw new SecurityError('BAD_REQUEST', { detail: 'the body is no JSON object' });
}

/** JSON that nobody may keep. */
export function jsonResponse(value: unknown) {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}
