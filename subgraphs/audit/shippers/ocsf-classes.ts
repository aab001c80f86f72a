import { isIP } from 'node:net';
import { findEventType } from '@aduana/client/audit/event-catalogue';
import type { Envelope } from './logged-event.ts';
import { optional, tableOf, text } from './ocsf-text.ts';

export interface Classified {
  readonly classUid: number;
  readonly activityId: number;
  /** Only where the activity is none of the class's own. */
  readonly activityName?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly profiles: readonly string[];
}

type Attributes = Readonly<Record<string, unknown>>;

const OTHER = 99;
const AUTHENTICATION = 3002;
const AUTHORIZE_SESSION = 3003;
const ENTITY_MANAGEMENT = 3004;
const USER_ACCESS = 3005;
const APPLICATION_LIFECYCLE = 6002;
const API_ACTIVITY = 6003;
const BASE_EVENT = 0;

/** The OCSF class of an event, its activity there, and the attributes that the class asks for. */
export function classify(event: Envelope): Classified {
  switch (classOf(event)) {
    case AUTHENTICATION:
      return withActivity(event, AUTHENTICATION, LOGONS.get(event.type), authentication(event));
    case AUTHORIZE_SESSION:
      return withActivity(event, AUTHORIZE_SESSION, 1, authorizeSession(event));
    case ENTITY_MANAGEMENT:
      return withActivity(event, ENTITY_MANAGEMENT, CHANGES.get(verbOf(event)), entityManagement(event));
    case USER_ACCESS:
      return withActivity(event, USER_ACCESS, verbOf(event) === 'revoke' ? 2 : 1, {
        ...subject(event),
        privileges: privileges(event),
      });
    case APPLICATION_LIFECYCLE:
      return withActivity(event, APPLICATION_LIFECYCLE, LIFECYCLE.get(verbOf(event)), lifecycle(event));
    case API_ACTIVITY:
      return apiActivity(event);
    default:
      return withActivity(event, BASE_EVENT, undefined, {});
  }
}

/** Of the deployment's own events as the catalogue says; a `request` of somebody who is not known is an authentication. */
function classOf({ type, class_uid: given }: Envelope): number {
  if (type === 'request') return given;
  return findEventType(type)?.classUid ?? given;
}

/** A token exchange is none of the class's activities. */
const LOGONS = tableOf({
  'token.issue': 1,
  'token.refuse': 1,
  request: 1,
  'request.flood': 1,
  'session.open': 1,
  'session.close': 2,
  'session.refuse': 1,
});
const CHANGES = tableOf({
  create: 1,
  read: 2,
  rotate: 3,
  reload: 3,
  update: 3,
  delete: 4,
  erase: 4,
  issue: 6,
  enable: 8,
  disable: 9,
  revoke: 11,
  suspend: 12,
  restore: 13,
});
const LIFECYCLE = tableOf({ start: 3, stop: 4, lost: 4 });
const AUTH_PROTOCOLS = tableOf({
  client_secret_basic: 11,
  client_secret_post: 6,
  private_key_jwt: 6,
  trusted_issuer: 4,
});

function withActivity(
  { type }: Envelope,
  classUid: number,
  activityId: number | undefined,
  attributes: Attributes,
): Classified {
  return {
    classUid,
    activityId: activityId ?? OTHER,
    ...(activityId === undefined ? { activityName: type } : {}),
    attributes,
    profiles: [],
  };
}

function authentication(event: Envelope): Attributes {
  const method = event.actor['auth_method'];
  const protocol = typeof method === 'string' ? (AUTH_PROTOCOLS.get(method) ?? OTHER) : 0;
  return {
    ...subject(event),
    ...source(event),
    service: { name: text(event.detail?.['audience']) ?? event.source.peer },
    auth_protocol_id: protocol,
    ...(protocol === OTHER ? optional('auth_protocol', method) : {}),
    is_remote: true,
  };
}

function authorizeSession(event: Envelope): Attributes {
  return {
    ...subject(event),
    ...source(event),
    privileges: privileges(event),
    ...(text(event.detail?.['jti']) === undefined ? {} : { session: { uid: event.detail?.['jti'] } }),
  };
}

function entityManagement(event: Envelope): Attributes {
  const { detail = {}, type } = event;
  const named = ['service', 'service_id', 'kid', 'thumbprint', 'subject', 'policy_sha256', 'sha256'];
  const name = named.map((member) => text(detail[member])).find((value) => value !== undefined);
  return {
    actor: actor(event),
    ...source(event),
    entity: { name: name ?? type.split('.')[0], type: type.split('.')[0] },
    ...optional('comment', detail['reason']),
  };
}

function lifecycle({ source: { peer, instance } }: Envelope): Attributes {
  return { app: { name: peer, uid: instance } };
}

function apiActivity(event: Envelope): Classified {
  const kind = event.detail?.['operation_kind'];
  const activityId =
    kind === 'mutation' ? 3 : kind === 'query' || event.type === 'audit.read' ? 2 : undefined;
  const traceId = text(event.trace?.['trace_id']);
  return {
    ...withActivity(event, API_ACTIVITY, activityId, {
      actor: actor(event),
      api: {
        operation: text(event.request?.['operation_name']) ?? event.type,
        service: { name: event.source.peer },
        request: { uid: event.id },
      },
      src_endpoint: { ...endpointOf(event) },
      ...(traceId === undefined ? {} : { trace: { uid: traceId } }),
    }),
    profiles: traceId === undefined ? [] : ['trace'],
  };
}

function subject(event: Envelope): Attributes {
  return { user: user(event), actor: actor(event) };
}

function actor(event: Envelope): Attributes {
  return { user: user(event), ...optional('app_uid', event.actor['client_id']) };
}

/** Two issuers may have users of one name: the domain distinguishes them. */
function user({ actor: { sub, iss } }: Envelope): Attributes {
  return { uid: sub, name: sub, ...optional('domain', iss) };
}

/** Where it came from: an address, else the service that asked. */
function endpointOf({ detail, actor: by, source: { peer } }: Envelope): Attributes {
  const address = text(detail?.['source_address']);
  return address === undefined || isIP(address) === 0
    ? { name: text(by['client_id']) ?? peer }
    : { ip: address };
}

function source(event: Envelope): Attributes {
  return { src_endpoint: endpointOf(event) };
}

function privileges({ detail }: Envelope): readonly string[] {
  return (text(detail?.['scope']) ?? '').split(' ').filter((scope) => scope !== '');
}

function verbOf({ type }: Envelope): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
