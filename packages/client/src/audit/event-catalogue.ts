/** What is fixed of a type of event. */
export interface EventType {
  /** OCSF 1.8.0. */
  readonly classUid: number;
  /** The services that may write it; `any`: each source. */
  readonly writers: readonly string[] | 'any';
  /** The members that its `detail` may have. */
  readonly detail: readonly string[];
}

const AUTHENTICATION = 3002;
const ENTITY_MANAGEMENT = 3004;
const APPLICATION_LIFECYCLE = 6002;
const API_ACTIVITY = 6003;

const TOKEN = ['jti', 'root_jti', 'kid', 'audience', 'scope', 'expires_at', 'shown_certificate', 'policies', 'join'] as const; // prettier-ignore

/** Every type of event that the services of the deployment write: no other is taken from them. */
export const EVENT_CATALOGUE = {
  /** 3002 where nobody is authenticated. */
  request: {
    classUid: API_ACTIVITY,
    writers: ['gateway'],
    detail: ['source_address', 'operation_kind', 'code', 'reason', 'error_codes', 'refused', 'unenforced', 'more_fields', 'more_operation_name', 'more_refused', 'more_unenforced', 'operations', 'more_operations'],
  },
  /** Instead of `request`, for a stream that was opened; durable before its first message. */
  'stream.open': {
    classUid: API_ACTIVITY,
    writers: ['gateway'],
    detail: ['source_address', 'operation_kind', 'code', 'reason', 'error_codes', 'refused', 'unenforced', 'more_fields', 'more_operation_name', 'more_refused', 'more_unenforced'],
  },
  /** At most one a second and stream; `refused` where that has changed. */
  'stream.messages': { classUid: API_ACTIVITY, writers: ['gateway'], detail: ['stream', 'first', 'last', 'nulled', 'refused', 'more_refused'] },
  'stream.close': { classUid: API_ACTIVITY, writers: ['gateway'], detail: ['stream', 'total', 'reason', 'code'] },
  'request.intent': { classUid: API_ACTIVITY, writers: ['gateway'], detail: ['audit_id', 'more_fields'] },
  'request.unknown': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['peer', 'intent_id', 'audit_id'] },
  'request.flood': { classUid: AUTHENTICATION, writers: ['gateway', 'sts', 'console'], detail: ['source_address', 'minute', 'count', 'settles'] },
  'token.issue': { classUid: AUTHENTICATION, writers: ['sts'], detail: TOKEN },
  'token.exchange': { classUid: AUTHENTICATION, writers: ['sts'], detail: TOKEN },
  'token.refuse': { classUid: AUTHENTICATION, writers: ['sts'], detail: ['error', 'reason', 'grant_type'] },
  'token.revoke': { classUid: AUTHENTICATION, writers: ['sts'], detail: ['jti', 'reason'] },
  'key.rotate': { classUid: ENTITY_MANAGEMENT, writers: ['sts'], detail: ['rotation', 'mode', 'reason', 'active', 'pending', 'previous'] },
  'secret.rotate': { classUid: ENTITY_MANAGEMENT, writers: ['sts'], detail: ['service', 'version', 'grace_seconds', 'reason'] },
  'secret.collect': { classUid: ENTITY_MANAGEMENT, writers: ['sts'], detail: ['service', 'version'] },
  'store.forged': { classUid: ENTITY_MANAGEMENT, writers: ['sts', 'admin'], detail: ['table', 'row', 'problem'] },
  'service.suspend': { classUid: ENTITY_MANAGEMENT, writers: ['admin'], detail: ['service', 'reason', 'changed'] },
  'service.restore': { classUid: ENTITY_MANAGEMENT, writers: ['admin'], detail: ['service', 'reason', 'changed'] },
  'subject.revoke': { classUid: ENTITY_MANAGEMENT, writers: ['admin', 'sts'], detail: ['issuer', 'subject', 'not_after', 'reason'] },
  /** Of a trusted issuer; `effect` is `revoked`, `none` or `repeated`. */
  'signal.receive': { classUid: ENTITY_MANAGEMENT, writers: ['sts'], detail: ['issuer', 'jti', 'events', 'subject', 'effect', 'delivery'] },
  'signal.refuse': { classUid: AUTHENTICATION, writers: ['sts'], detail: ['issuer', 'error', 'reason', 'delivery', 'source_address'] },
  'certificate.revoke': { classUid: ENTITY_MANAGEMENT, writers: ['admin'], detail: ['thumbprint', 'reason'] },
  'certificate.refuse': { classUid: AUTHENTICATION, writers: ['gateway', 'sts', 'admin', 'audit', 'console'], detail: ['reason', 'source_address', 'unrecorded_before'] },
  /** At the console: `session` is the id of its sessions, which opens nothing. */
  'session.open': { classUid: AUTHENTICATION, writers: ['console'], detail: ['session', 'method', 'expires_at', 'source_address'] },
  'session.close': { classUid: AUTHENTICATION, writers: ['console'], detail: ['session', 'reason'] },
  'session.refuse': { classUid: AUTHENTICATION, writers: ['console'], detail: ['session', 'reason', 'source_address'] },
  'policy.reload': { classUid: ENTITY_MANAGEMENT, writers: ['gateway', 'sts', 'admin'], detail: ['sha256', 'previous', 'asked', 'problems'] },
  'supergraph.load': { classUid: ENTITY_MANAGEMENT, writers: ['gateway'], detail: ['source', 'sha256', 'previous', 'problem'] },
  'audit.read': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['what', 'filter', 'first', 'after', 'id', 'found', 'service', 'from', 'follow'] },
  'audit.conflict': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['event_id', 'type', 'stored_seq'] },
  'audit.tampered': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['reason'] },
  'audit.incomplete': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['holes', 'open_intents', 'over_bound'] },
  'audit.retention': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['minimum_index', 'count'] },
  'audit.recover': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['epoch', 'reason', 'approvers', 'lost_note', 'kept_note', 'kept_size'] },
  'checkpoint.rotate': { classUid: API_ACTIVITY, writers: ['audit'], detail: ['vkeys'] },
  'pii.erase': { classUid: ENTITY_MANAGEMENT, writers: ['audit'], detail: ['subject', 'reason'] },
  'source.start': { classUid: APPLICATION_LIFECYCLE, writers: 'any', detail: ['spool', 'alive_seconds', 'previous'] },
  'source.alive': { classUid: APPLICATION_LIFECYCLE, writers: 'any', detail: ['spool', 'alive_seconds'] },
  'source.stop': { classUid: APPLICATION_LIFECYCLE, writers: 'any', detail: [] },
  'source.lost': { classUid: APPLICATION_LIFECYCLE, writers: ['audit'], detail: ['peer', 'instance', 'boot_id', 'last_n', 'open_intents', 'unsettled_floods'] },
  /** What a peer had handed over while the log was away is damaged: it is in the log only if the peer has sent it itself. */
  'audit.unheld': { classUid: APPLICATION_LIFECYCLE, writers: ['audit'], detail: ['peer', 'count'] },
  'audit.gap': { classUid: APPLICATION_LIFECYCLE, writers: 'any', detail: ['count', 'ranges', 'answered'] },
} as const satisfies Readonly<Record<string, EventType>>; // prettier-ignore

export type KnownEventType = keyof typeof EVENT_CATALOGUE;

/** What an event of a type may contain beside the members that all have. */
export type EventDetail<Type extends KnownEventType> = {
  readonly [Member in (typeof EVENT_CATALOGUE)[Type]['detail'][number]]?: unknown;
};

/**
 * Type, class and detail of a record, as the catalogue has them.
 *
 * @example
 * await audit.record({ ...auditEvent('key.rotate', { mode, reason }), outcome: 'ALLOWED', actor });
 */
export function auditEvent<Type extends KnownEventType>(
  type: Type,
  detail: EventDetail<Type>,
): { readonly type: Type; readonly class_uid: number; readonly detail: EventDetail<Type> } {
  return { type, class_uid: EVENT_CATALOGUE[type].classUid, detail };
}

/** What is fixed of a type; undefined for one that is none of the deployment's own. */
export function findEventType(type: string): EventType | undefined {
  return Object.hasOwn(EVENT_CATALOGUE, type) ? EVENT_CATALOGUE[type as KnownEventType] : undefined;
}
