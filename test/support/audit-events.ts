import type { AuditActor, AuditRecord } from '@aduana/client/audit/audit-event';
import { uuidv7 } from '@aduana/core/platform/ids';

/** A service that acts for itself. */
export function serviceActor(service: string): AuditActor {
  return { sub: service, client_id: service, act: [], auth_method: null, cert_thumbprint: null };
}

/** A request as a service records it. */
export const REQUEST_RECORD: AuditRecord = {
  type: 'request',
  class_uid: 6003,
  outcome: 'ALLOWED',
  actor: serviceActor('bff'),
};

const counter = { posted: 0 };

/** An event as a source posts it, with whatever a test cares about. */
export function postedEvent(members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  counter.posted += 1;
  const { posted } = counter;
  return {
    v: 1,
    id: uuidv7(1_767_225_600_000 + posted),
    time: new Date(1_767_225_600_000 + posted).toISOString(),
    source: { instance: 'gateway@test', boot_id: 'boot', n: posted },
    type: 'request',
    class_uid: 6003,
    outcome: 'ALLOWED',
    actor: {
      sub: 'bff',
      client_id: 'bff',
      act: [],
      auth_method: 'client_secret_basic',
      cert_thumbprint: null,
    },
    request: {
      operation_name: 'Leads',
      document_sha256: null,
      fields: ['Query.leads'],
      subgraphs: ['leads'],
    },
    ...members,
  };
}

/** The body of `POST /audit/events`. */
export function postedBody(...events: readonly Readonly<Record<string, unknown>>[]): string {
  return JSON.stringify({ events });
}
