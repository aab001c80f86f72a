import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest } from '@aduana/core/http/route';
import { uuidv7 } from '@aduana/core/platform/ids';
import {
  noteCaller,
  noteFailure,
  openRequestAudit,
  type RequestAudit,
  requestRecord,
} from '../audit/request-audit.ts';
import { authenticate } from '../authenticate/authenticate.ts';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import type { StreamLimits } from '../limits/stream-limits.ts';
import type { Delegated } from '../stages.ts';
import type { StreamCaller } from '../streams/stream-caller.ts';
import { withAuthorization } from './credential-request.ts';

/** What a connection learns of its client, and what is recorded of it. */
export interface Admission {
  /** Who connects, by the upgrade's credentials or those sent over the connection; its event is durable. */
  readonly admit: (authorization: string | undefined) => Promise<Admitted>;
  /** Another token of the same subject, or false. */
  readonly replace: (caller: StreamCaller, authorization: string) => Promise<boolean>;
  /** The connection was refused before anybody was admitted. */
  readonly onRefuse: () => void;
  /** A message was refused before it was whole. */
  readonly onRefuseMessage: (error: SecurityError) => void;
  readonly onClose: () => void;
}

export interface Admitted {
  readonly caller: StreamCaller;
  readonly auditId: string;
}

export interface ConnectionAdmission {
  readonly request: ServiceRequest;
  readonly requestAudit: RequestAudit;
  /** By the credentials of the upgrade; undefined where there were none. */
  readonly shown: Delegated | undefined;
  /** Gives back the place that the connection has for those credentials. */
  readonly leave: () => void;
  readonly dependencies: HandlerDependencies;
  readonly limits: StreamLimits;
  /** Called once, when somebody is admitted or nobody can be any more. */
  readonly onSettle: () => void;
}

/** Who a connection belongs to: the upgrade's one event is recorded when that is known. */
export function createConnectionAdmission(admission: ConnectionAdmission): Admission {
  const { request, requestAudit, dependencies, onSettle } = admission;
  const { clock, metrics } = dependencies.platform;
  let known = admission.shown?.caller;
  let { leave } = admission;
  let isSettled = false;
  let isClosed = false;
  const settle = (): void => {
    if (!isSettled) onSettle();
    isSettled = true;
  };
  return {
    async admit(authorization) {
      try {
        const admitted = await admit(admission, authorization);
        ({ leave } = admitted);
        if (isClosed) leave();
        known = admitted.caller.delegated.caller;
        return admitted;
      } catch (error) {
        noteFailure(requestAudit, toSecurityError(error));
        await recordConnection(requestAudit, request, dependencies).catch(() => undefined);
        throw error;
      } finally {
        settle();
      }
    },
    replace: (caller, authorization) => replaceToken(caller, authorization, admission),
    onRefuse() {
      if (admission.shown !== undefined) noteCaller(requestAudit, admission.shown.caller);
      noteFailure(requestAudit, new SecurityError('UNAUTHENTICATED', { detail: 'nobody was admitted' }));
      void recordConnection(requestAudit, request, dependencies).catch(() => undefined);
    },
    onRefuseMessage(error) {
      if (known === undefined) return; // the connection's own event records it
      const messageAudit = openRequestAudit(uuidv7(clock.now()));
      noteCaller(messageAudit, known);
      noteFailure(messageAudit, error);
      metrics.counter('aduana_requests_refused_total').inc({ code: error.code });
      void recordConnection(messageAudit, request, dependencies).catch(() => undefined);
    },
    onClose() {
      isClosed = true;
      settle();
      leave();
    },
  };
}

async function replaceToken(
  caller: StreamCaller,
  authorization: string,
  { request, dependencies }: Pick<ConnectionAdmission, 'request' | 'dependencies'>,
): Promise<boolean> {
  const replaceAudit = openRequestAudit(uuidv7(dependencies.platform.clock.now()));
  try {
    const from = withAuthorization(request, authorization);
    const authenticated = authenticate(from);
    const exchange = (): Promise<Delegated> => dependencies.exchange(authenticated, from);
    const delegated = await exchange();
    if (caller.replace(delegated, exchange)) return true;
    noteCaller(replaceAudit, delegated.caller);
    throw new SecurityError('FORBIDDEN', { detail: "another subject's token for an open connection" });
  } catch (error) {
    const failure = toSecurityError(error);
    noteFailure(replaceAudit, failure);
    await recordConnection(replaceAudit, request, dependencies).catch(() => undefined);
    if (failure.code === 'FORBIDDEN') return false;
    throw failure;
  }
}

async function admit(
  { request, requestAudit, shown, leave: leaveShown, dependencies, limits }: ConnectionAdmission,
  authorization: string | undefined,
): Promise<Admitted & { readonly leave: () => void }> {
  const from = authorization === undefined ? request : withAuthorization(request, authorization);
  const authenticated = authenticate(from);
  const exchange = (): Promise<Delegated> => dependencies.exchange(authenticated, from);
  const isShown = authorization === undefined && shown !== undefined;
  const delegated = isShown ? shown : await exchange();
  noteCaller(requestAudit, delegated.caller);
  leaveShown(); // for whoever is admitted, which may be another caller
  const leave = limits.connect(delegated.caller);
  try {
    requestAudit.outcome = 'ALLOWED';
    const caller = dependencies.streams.admit({
      delegated,
      certificateNotAfter: request.peer?.notAfter,
      rates: undefined,
      renew: exchange,
    });
    return { caller, auditId: await recordConnection(requestAudit, request, dependencies), leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/** The event of an upgrade, or of credentials that are refused later; those of anonymous clients are counted beyond their limit. */
export async function recordConnection(
  requestAudit: RequestAudit,
  request: ServiceRequest,
  { audit, flood }: HandlerDependencies,
): Promise<string> {
  const counted = requestAudit.actor === ANONYMOUS ? await flood.count(request.remoteAddress) : undefined;
  if (counted !== undefined) return counted.eventId;
  await audit.record(requestRecord(requestAudit, request.trace, request.remoteAddress));
  return requestAudit.id;
}
