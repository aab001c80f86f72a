import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { corsHeaders } from '@aduana/core/http/browser-rules';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import { traceFields } from '@aduana/core/wire/trace-context';
import { noteFailure, openRequestAudit, type RequestAudit, requestRecord } from './audit/request-audit.ts';
import type { HandlerDependencies } from './handler-dependencies.ts';
import { challengesFor } from './http/challenges.ts';
import { runRequest, TRAFFIC } from './run-request.ts';

/**
 * `/graphql`: the outermost handler. Whatever happens inside, the request leaves one audit event, and its answer leaves when
 * that event is durable.
 */
export function createHandler(
  dependencies: HandlerDependencies,
): (request: ServiceRequest) => Promise<ServiceResponse> {
  const { clock, log } = dependencies.platform;
  return async (request) => {
    const requestAudit = openRequestAudit(uuidv7(clock.now()));
    const startedAt = dependencies.traffic.begin();
    let response: ServiceResponse;
    try {
      response = await runRequest(request, requestAudit, dependencies);
    } catch (error) {
      response = refuse(request, requestAudit, error, dependencies);
    }
    let auditId = requestAudit.id;
    try {
      const flood =
        requestAudit.actor === ANONYMOUS ? await dependencies.flood.count(request.remoteAddress) : undefined;
      if (flood === undefined)
        await dependencies.audit.record(
          requestRecord(requestAudit, request.trace, request.remoteAddress),
          request.trace,
        );
      else {
        auditId = flood.eventId;
        // A preflight that is allowed is answered: others of its address flood. A failure of ours is reported as one: nobody can
        // be called anonymous while the STS is away.
        if (response.status < 500 && requestAudit.outcome !== 'ALLOWED')
          response = withPlaceOf(
            response,
            new SecurityError('RATE_LIMITED', { ...flood, detail: 'anonymous flood' }),
          );
      }
    } catch (error) {
      log.error('a request could not be recorded', {
        error: describeError(error),
        audit_id: requestAudit.id,
        ...traceFields(request.trace),
      });
      response.stream?.cancel();
      response = withPlaceOf(response, toSecurityError(error));
    }
    dependencies.traffic.note(TRAFFIC[requestAudit.outcome], startedAt);
    const headers = {
      ...response.headers,
      ...corsHeaders(request, dependencies.browser),
      'audit-id': auditId,
    };
    request.span?.set('aduana.audit_id', auditId);
    return { ...response, headers, code: response.code ?? requestAudit.code };
  };
}

/** The answer that is sent instead of another, whose place it has. */
function withPlaceOf({ onSent }: ServiceResponse, error: SecurityError): ServiceResponse {
  return { ...graphqlErrorResponse(error), ...(onSent === undefined ? {} : { onSent }) };
}

function refuse(
  request: ServiceRequest,
  requestAudit: RequestAudit,
  error: unknown,
  { platform: { log } }: HandlerDependencies,
): ServiceResponse {
  const known = toSecurityError(error);
  noteFailure(requestAudit, known);
  const fields = { audit_id: requestAudit.id, ...traceFields(request.trace) };
  if (request.abandoned.aborted) {
    requestAudit.reason = 'the client left before its answer';
    log.debug('a client left', fields);
  } else if (known.status >= 500 && known.code !== 'OVERLOADED')
    log.error('a request failed', { error: describeError(error), ...fields });
  else log.debug('a request was refused', { code: known.code, ...fields });
  const response = graphqlErrorResponse(known);
  if (known.code === 'METHOD_NOT_ALLOWED')
    return { ...response, headers: { ...response.headers, allow: 'GET, POST, OPTIONS' } };
  if (known.code !== 'UNAUTHENTICATED') return response;
  return { ...response, headers: { ...response.headers, 'www-authenticate': challengesFor(request) } };
}
