import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { TokenForm } from '../forms/token-form.ts';

const DEFAULT_AUDIENCE = 'gateway';

/**
 * The one audience of a request: a service id in `audience`, or its SPIFFE ID in `resource` (RFC 8693 section 2.1,
 * RFC 8707 section 2).
 *
 * @param allowed service ids, or `*`
 * @throws SecurityError `invalid_target`
 */
export function requestedAudience(form: TokenForm, engine: Engine, allowed: readonly string[]): string {
  const named = new Set(form.all('audience'));
  for (const resource of form.all('resource')) {
    const service = engine.serviceBySpiffeId(resource);
    if (service === undefined) throw new SecurityError('invalid_target', { detail: 'unknown resource' });
    named.add(service.id);
  }
  if (named.size > 1) throw new SecurityError('invalid_target', { detail: 'more than one audience' });
  const [audience = DEFAULT_AUDIENCE] = named;
  if (!engine.services.has(audience))
    throw new SecurityError('invalid_target', { detail: 'unknown audience' });
  if (!allowed.includes(audience) && !allowed.includes('*'))
    throw new SecurityError('invalid_target', { detail: 'the audience is not registered for this client' });
  return audience;
}
