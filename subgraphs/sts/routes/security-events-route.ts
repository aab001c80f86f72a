import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Metrics } from '@aduana/core/platform/metrics';
import { traceFields } from '@aduana/core/wire/trace-context';
import type { AnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { recordRefusal, toSetError } from '../signals/refuse-security-event.ts';
import type { TakeSecurityEvent } from '../signals/take-security-event.ts';

/** Where transmitters push; the one path of the listener that is theirs alone. */
export const SECURITY_EVENTS_PATH = '/ssf/events';

export interface SecurityEventsRouteOptions {
  readonly take: TakeSecurityEvent;
  readonly audit: AuditSink;
  readonly flood: AnonymousFlood;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'counter'>;
}

const BODY_LIMIT_BYTES = 32_768;

/**
 * `POST /ssf/events` (RFC 8935): takes a security event token of a configured transmitter, known by its signature. 202
 * says that effect and audit event are durable.
 */
export function createSecurityEventsRoute(options: SecurityEventsRouteOptions): Route {
  const { take, flood, metrics } = options;
  const counter = metrics.counter('aduana_security_events_total');
  return {
    method: 'POST',
    path: SECURITY_EVENTS_PATH,
    async handle(request) {
      const isOnItsOwn = async (): Promise<boolean> =>
        (await flood.count(request.remoteAddress)) === undefined;
      try {
        const result = await take(await readToken(request), 'push', isOnItsOwn);
        counter.inc({ delivery: 'push', result });
        return { status: 202, headers: { 'cache-control': 'no-store' } };
      } catch (error) {
        const known = toSecurityError(error);
        counter.inc({ delivery: 'push', result: known.status >= 500 ? 'failed' : 'refused' });
        return refuse(known, request, options);
      }
    },
  };
}

async function readToken(request: ServiceRequest): Promise<string> {
  const [mediaType = ''] = (request.headers['content-type'] ?? '').split(';');
  if (mediaType.trim().toLowerCase() !== 'application/secevent+jwt')
    throw new SecurityError('invalid_request', { detail: 'the body is no application/secevent+jwt' });
  return (await request.body(BODY_LIMIT_BYTES)).toString('utf8');
}

/** A refusal is durable in the audit log before it is answered; a flood of them is counted and answered 429. */
async function refuse(
  error: SecurityError,
  request: ServiceRequest,
  { audit, flood, log }: SecurityEventsRouteOptions,
): Promise<ServiceResponse> {
  const { remoteAddress: sourceAddress } = request;
  if (error.status >= 500)
    log.error('a security event could not be taken', {
      error: describeError(error),
      ...traceFields(request.trace),
    });
  try {
    const flooding = await flood.count(sourceAddress);
    if (flooding !== undefined)
      return answer(error.status >= 500 ? error : new SecurityError('RATE_LIMITED', flooding));
    await recordRefusal(error, 'push', { sourceAddress }, audit);
  } catch (failure) {
    return answer(toSecurityError(failure));
  }
  return answer(error);
}

/** RFC 8935 section 2.3; the status alone says where the token is to be sent again. */
function answer(error: SecurityError): ServiceResponse {
  const setError = toSetError(error);
  const headers = {
    'cache-control': 'no-store',
    ...(setError === undefined
      ? { 'retry-after': String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? 1))) }
      : { 'content-type': 'application/json', 'content-language': 'en' }),
  };
  return {
    status: error.status,
    code: error.code,
    headers,
    ...(setError === undefined ? {} : { body: JSON.stringify(setError) }),
  };
}
