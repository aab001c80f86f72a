import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import type { AnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { ANONYMOUS, type AuditActor } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { epochSeconds } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Metrics } from '@aduana/core/platform/metrics';
import {
  GRANT_CLIENT_CREDENTIALS,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
} from '@aduana/core/tokens/token-exchange';
import type { VerifyDpopProof } from '@aduana/core/tokens/verify-dpop-proof';
import {
  authenticateClient,
  type AuthenticatedClient,
  type ClientAuthenticationOptions,
} from '../clients/authenticate-client.ts';
import { grantClientCredentials } from '../token/client-credentials.ts';
import type { SubjectTokenOptions } from '../token/subject-token.ts';
import { grantTokenExchange } from '../token/token-exchange.ts';
import { traceFields } from '@aduana/core/wire/trace-context';
import { readTokenForm } from '../forms/token-form.ts';
import type { IssuedToken, IssueToken, TokenGrant } from '../token/token-issuer.ts';
import type { TokenRates } from '../token/token-rates.ts';
import { oauthErrorResponse } from './oauth-error.ts';

export interface TokenRouteOptions {
  readonly clients: ClientAuthenticationOptions;
  readonly subjects: Omit<SubjectTokenOptions, 'engine'>;
  readonly issue: IssueToken;
  readonly rates: TokenRates;
  /** Whose replays all replicas know. */
  readonly dpop: VerifyDpopProof;
  readonly audit: AuditSink;
  readonly flood: AnonymousFlood;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'counter'>;
}

/** What was known when the request failed. */
interface Progress {
  client?: AuthenticatedClient;
  grantType?: string;
}

/** `POST /sts/token`: the token endpoint (RFC 6749 section 3.2). */
export function createTokenRoute(options: TokenRouteOptions): Route {
  const count = countTokenRequests(options.metrics);
  return {
    method: 'POST',
    path: '/sts/token',
    async handle(request) {
      const progress: Progress = {};
      let response: ServiceResponse;
      try {
        response = await answer(request, progress, options);
      } catch (error) {
        response = await refuse(error, request, progress, options);
      }
      count(progress.grantType, response.status);
      return response;
    },
  };
}

/** Counts by grant and outcome; a grant type that is not supported is a text of the client's, and counted as `other`. */
function countTokenRequests(
  metrics: Pick<Metrics, 'counter'>,
): (grantType: string | undefined, status: number) => void {
  const counter = metrics.counter('aduana_token_requests_total');
  return (grantType = 'other', status) => {
    const outcome = status < 400 ? 'issued' : status < 500 ? 'refused' : 'failed';
    counter.inc({ grant_type: grantType, outcome });
  };
}

async function answer(
  request: ServiceRequest,
  progress: Progress,
  options: TokenRouteOptions,
): Promise<ServiceResponse> {
  const { clients, subjects, issue, rates } = options;
  const form = await readTokenForm(request);
  const client = await authenticateClient(request, form, clients);
  progress.client = client;
  const grantType = form.get('grant_type');
  if (grantType === undefined)
    throw new SecurityError('invalid_request', { detail: 'grant_type is required' });
  const context = { ...subjects, engine: clients.policies() };
  /** A client beyond its rate has no proof remembered. */
  const counted = async (grant: TokenGrant): Promise<TokenGrant> => {
    await rates.take(grant);
    return boundTo(grant, await readProof(request, options));
  };
  if (grantType === GRANT_CLIENT_CREDENTIALS) {
    progress.grantType = grantType;
    const grant = await counted(grantClientCredentials(form, client, context));
    return success(await issue('token.issue', grant, request), {}, subjects);
  }
  if (grantType === GRANT_TOKEN_EXCHANGE) {
    progress.grantType = grantType;
    const grant = await counted(await grantTokenExchange(form, client, context));
    const issued = await issue('token.exchange', grant, request);
    return success(issued, { issued_token_type: TOKEN_TYPE_ACCESS_TOKEN }, subjects);
  }
  throw new SecurityError('unsupported_grant_type');
}

/** The key that the token is to be bound to (RFC 9449 section 5); undefined without a proof. */
async function readProof(
  request: ServiceRequest,
  { dpop, subjects: { issuer } }: Pick<TokenRouteOptions, 'dpop' | 'subjects'>,
): Promise<string | undefined> {
  const proof = request.headers['dpop'];
  if (proof === undefined) return undefined;
  if (typeof proof !== 'string' || request.headerCount('dpop') !== 1)
    throw new SecurityError('invalid_dpop_proof', { detail: 'not exactly one DPoP header' });
  return dpop(proof, { method: request.method, url: `${issuer}/sts/token` });
}

function boundTo(grant: TokenGrant, jkt: string | undefined): TokenGrant {
  return jkt === undefined ? grant : { ...grant, cnf: { ...grant.cnf, jkt } };
}

/** RFC 6749 section 5.1, RFC 8693 section 2.2.1. */
function success(
  { token, claims }: IssuedToken,
  members: Readonly<Record<string, string>>,
  { clock }: Pick<SubjectTokenOptions, 'clock'>,
): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' },
    body: JSON.stringify({
      access_token: token,
      token_type: claims.cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
      expires_in: Math.max(0, claims.exp - epochSeconds(clock)),
      scope: claims.scope,
      ...members,
    }),
  };
}

/** A refusal is durable in the audit log before it is answered; a flood of them is counted and answered 429. */
async function refuse(
  failure: unknown,
  request: ServiceRequest,
  progress: Progress,
  { audit, flood, rates, log }: TokenRouteOptions,
): Promise<ServiceResponse> {
  const { client, grantType } = progress;
  const error = toSecurityError(failure);
  if (error.status >= 500)
    log.error('a token request failed', { error: describeError(error), ...traceFields(request.trace) });
  try {
    const counted =
      error.code === 'slow_down' ? rates.flood : isUnauthenticated(error, progress) ? flood : undefined;
    const flooding = await counted?.count(request.remoteAddress);
    if (flooding !== undefined) {
      // a failure of ours is reported as one
      const isReported = error.status >= 500 || error.code === 'slow_down';
      return oauthErrorResponse(isReported ? error : new SecurityError('RATE_LIMITED', flooding), request);
    }
    const refusal = {
      ...auditEvent('token.refuse', {
        error: error.code,
        reason: error.detail ?? null,
        grant_type: grantType ?? null,
      }),
      outcome: error.status >= 500 ? ('FAILED' as const) : ('DENIED' as const),
      actor: actorOf(client, request),
      trace: auditTrace(request.trace),
    };
    await audit.record(refusal, request.trace);
  } catch (auditFailure) {
    return oauthErrorResponse(auditFailure, request);
  }
  return oauthErrorResponse(error, request);
}

/** Whether nobody is known behind the request: neither the client, nor whose token it carries for a caller of its own. */
function isUnauthenticated({ code, status }: SecurityError, { client, grantType }: Progress): boolean {
  if (client === undefined) return true;
  const relays = client.service.exchange?.subjects.includes('x509_svid') === true;
  return relays && grantType === GRANT_TOKEN_EXCHANGE && (code === 'invalid_request' || status >= 500);
}

function actorOf(client: AuthenticatedClient | undefined, { peer }: ServiceRequest): AuditActor {
  if (client === undefined) return { ...ANONYMOUS, cert_thumbprint: peer?.thumbprint ?? null };
  return {
    sub: client.service.id,
    client_id: client.service.id,
    act: [],
    auth_method: client.method,
    cert_thumbprint: peer?.thumbprint ?? null,
  };
}
