import { SecurityError } from '@aduana/core/errors/security-error';
import { isFromPage } from '@aduana/core/http/browser-rules';
import type { ServiceRequest } from '@aduana/core/http/route';
import { countedNetwork } from '@aduana/core/platform/counted-network';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Service } from '@aduana/server-kit/iam/policy';
import type { StatusView } from '@aduana/core/status/status-entry';
import { ASSERTION_TYPE_JWT_BEARER } from '@aduana/core/tokens/token-exchange';
import type { TokenForm } from '../forms/token-form.ts';
import type { AttemptLimit } from './attempt-limit.ts';
import type { ClientAssertions } from './client-assertion.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { ComparisonTurns } from './comparison-turns.ts';

export type ClientMethod = Service['authentication'][number];

/** A client that has proved to be the registered service. */
export interface AuthenticatedClient {
  readonly service: Service;
  readonly method: ClientMethod;
  /** The certificate of this connection, where it is the client's own. */
  readonly certificateThumbprint: string | undefined;
}

export interface ClientAuthenticationOptions {
  readonly policies: () => Engine;
  readonly secrets: ClientSecrets;
  readonly assertions: ClientAssertions;
  readonly attempts: AttemptLimit;
  readonly turns: ComparisonTurns;
  readonly status: Pick<StatusView, 'isServiceSuspended' | 'isCertificateRevoked' | 'assertFresh'>;
}

/** What a request shows of its client, before anything is believed. */
type Shown =
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post';
      readonly id: string;
      readonly secrets: readonly string[];
    }
  | { readonly method: 'private_key_jwt'; readonly id: string | undefined; readonly assertion: string }
  | { readonly method: 'tls_client_auth'; readonly id: string | undefined };

/**
 * Authenticates the client of a request (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2.1). A client
 * certificate beside another method is not a second one.
 *
 * @throws SecurityError `invalid_client`, `invalid_request` for two methods at once, `RATE_LIMITED`
 */
export async function authenticateClient(
  request: ServiceRequest,
  form: TokenForm,
  options: ClientAuthenticationOptions,
): Promise<AuthenticatedClient> {
  const { policies, status } = options;
  status.assertFresh();
  const shown = readShown(request, form);
  const service = await verifyShown(shown, request, form, options);
  const known = service === undefined ? undefined : policies().services.get(service);
  if (known === undefined) throw new SecurityError('invalid_client', { detail: `${shown.method} failed` });
  if (!known.authentication.includes(shown.method))
    throw new SecurityError('invalid_client', { detail: `${shown.method} is not registered` });
  if (status.isServiceSuspended(known.id)) throw new SecurityError('invalid_client', { detail: 'suspended' });
  const own = request.peer !== undefined && request.peer.spiffeId === known.spiffeId;
  return {
    service: known,
    method: shown.method,
    certificateThumbprint: own ? request.peer.thumbprint : undefined,
  };
}

function readShown(request: ServiceRequest, form: TokenForm): Shown {
  const { authorization } = request.headers;
  const [postSecret, assertion, id] = [
    form.get('client_secret'),
    form.get('client_assertion'),
    form.get('client_id'),
  ];
  if (request.headerCount('authorization') > 1)
    throw new SecurityError('invalid_request', { detail: 'two Authorization headers' });
  if ([authorization, postSecret, assertion].filter((one) => one !== undefined).length > 1)
    throw new SecurityError('invalid_request', { detail: 'two client authentication methods' });
  if (authorization !== undefined) {
    const basic = parseBasic(authorization);
    if (basic === undefined)
      throw new SecurityError('invalid_client', { detail: 'no usable Basic credentials' });
    if (id !== undefined && id !== basic.id)
      throw new SecurityError('invalid_request', {
        detail: 'client_id is not that of the Authorization header',
      });
    return { method: 'client_secret_basic', ...basic };
  }
  if (assertion !== undefined) {
    if (form.get('client_assertion_type') !== ASSERTION_TYPE_JWT_BEARER)
      throw new SecurityError('invalid_request', { detail: 'client_assertion_type' });
    return { method: 'private_key_jwt', id, assertion };
  }
  if (postSecret !== undefined) {
    if (id === undefined)
      throw new SecurityError('invalid_client', { detail: 'client_secret without client_id' });
    return { method: 'client_secret_post', id, secrets: [postSecret] };
  }
  return { method: 'tls_client_auth', id };
}

/** The id of the service for which the proof holds. */
async function verifyShown(
  shown: Shown,
  request: ServiceRequest,
  form: TokenForm,
  { policies, secrets, assertions, attempts, turns, status }: ClientAuthenticationOptions,
): Promise<string | undefined> {
  if (shown.method === 'tls_client_auth') {
    const { peer } = request;
    if (peer === undefined || isFromPage(request)) return undefined;
    if (status.isCertificateRevoked(peer.thumbprint)) return undefined;
    const service = policies().serviceBySpiffeId(peer.spiffeId);
    return shown.id === undefined || shown.id === service?.id ? service?.id : undefined;
  }
  if (shown.method === 'private_key_jwt') return assertions.verify(shown.assertion, shown.id);
  const source = sourceOf(request, form, policies());
  attempts.assertNotLocked(shown.id, source);
  const isRemembered = (): boolean => shown.secrets.some((secret) => secrets.remembers(shown.id, secret));
  if (isRemembered()) return shown.id;
  const { id, secrets: readings } = shown;
  const isRight = await turns.inTurn({
    client: id,
    source,
    secrets: readings,
    abandoned: request.abandoned,
    isRemembered,
    async compare() {
      attempts.assertNotLocked(id, source);
      if (isRemembered()) return true;
      const attempt = await attempts.reserve(id, source);
      for (const secret of readings) {
        if ((await secrets.verify(id, secret)) === undefined) continue;
        await attempt.succeeded();
        return true;
      }
      attempt.failed();
      return false;
    },
  });
  return isRight ? id : undefined;
}

/** As Node writes an address, or that there is none. */
const ADDRESS = /^[\w.:%-]{1,64}$/;

/** Where the attempt counts: a service that may vouch for its callers' certificates may also name their address. */
function sourceOf(request: ServiceRequest, form: TokenForm, policies: Engine): string {
  const peer = request.peer === undefined ? undefined : policies.serviceBySpiffeId(request.peer.spiffeId);
  const relays = peer?.exchange?.subjects.includes('x509_svid') === true;
  const named = relays ? form.get('client_address') : undefined;
  return countedNetwork(named !== undefined && ADDRESS.test(named) ? named : request.remoteAddress);
}

/**
 * The credentials of a Basic header (RFC 7617 section 2). RFC 6749 section 2.3.1 has both parts form-encoded, which
 * most clients leave out: where the two readings differ, either may match.
 */
function parseBasic(
  header: string,
): { readonly id: string; readonly secrets: readonly string[] } | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/]{1,8192}={0,2}) *$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  const [id, secret] = [text.slice(0, colon), text.slice(colon + 1)];
  return { id: formDecode(id) ?? id, secrets: [...new Set([formDecode(secret) ?? secret, secret])] };
}

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
