import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { openPersonalData, type SealedPersonalData } from '@aduana/server-kit/audit/personal-data';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Database } from '@aduana/server-kit/store/database';
import { isObject } from '../log/parse-events.ts';
import type { SubjectKeys } from '../log/subject-keys.ts';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';
import { assertNotDropped } from './assert-kept.ts';
import { authorizePeer, type PeerAuthority } from './authorize-peer.ts';
import { findEventById } from './stored-event.ts';
import { peerActor } from './peer-actor.ts';

export interface PersonalDataOptions extends PeerAuthority {
  readonly reader: Database;
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly subjectKeys: SubjectKeys;
  readonly audit: AuditSink;
}

const PREFIX = '/audit/pii/';
const BODY_LIMIT_BYTES = 65_536;
const MAX_TEXT_CHARACTERS = 1024;

/**
 * Personal data by event (`GET /audit/pii/<id>`, for `audit:pii:read`), and its erasure by person (`POST /audit/erase`,
 * for `audit:pii:erase`): the key goes, the log's hashes stay. Both are recorded first.
 */
export function createPersonalDataRoutes(options: PersonalDataOptions): readonly Route[] {
  return [
    { method: 'GET', path: `${PREFIX}*`, handle: (request) => reveal(request, options) },
    { method: 'POST', path: '/audit/erase', handle: (request) => erase(request, options) },
  ];
}

async function reveal(request: ServiceRequest, options: PersonalDataOptions): Promise<ServiceResponse> {
  const service = authorizePeer(request, 'audit:pii:read', options);
  const id = request.path.slice(PREFIX.length);
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);
  await record(
    options.audit,
    request,
    service,
    auditEvent('audit.read', { what: 'pii', id: isId ? id : null }),
  );
  const event = isId ? await findEventById(options.reader, id) : undefined;
  if (isId && event === undefined) await assertNotDropped(id, options);
  const { pii } = JSON.parse(event?.canonical ?? '{}') as { pii?: SealedPersonalData | null };
  if (pii === undefined || pii === null) throw new SecurityError('NOT_FOUND');
  const key = await options.subjectKeys.find(Buffer.from(pii.subject, 'hex'));
  if (key === undefined) throw new SecurityError('NOT_FOUND', { detail: 'the person was erased' });
  return json(openPersonalData(key.revealBytes(), id, pii));
}

async function erase(request: ServiceRequest, options: PersonalDataOptions): Promise<ServiceResponse> {
  const service = authorizePeer(request, 'audit:pii:erase', options);
  const { subject, reason } = readErasure((await request.body(BODY_LIMIT_BYTES)).toString('utf8'));
  const name = options.subjectKeys.nameOf(subject).toString('hex');
  await record(options.audit, request, service, auditEvent('pii.erase', { subject: name, reason }));
  return json({ erased: await options.subjectKeys.destroy(subject) });
}

function readErasure(text: string): { readonly subject: string; readonly reason: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
  const { subject, reason } = isObject(body) ? body : {};
  const isText = (value: unknown): value is string =>
    typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_CHARACTERS;
  if (!isText(subject) || !isText(reason))
    throw new SecurityError('BAD_REQUEST', { detail: 'subject and reason are wanted' });
  return { subject, reason };
}

async function record(
  audit: AuditSink,
  request: ServiceRequest,
  service: string,
  event: Pick<AuditRecord, 'type' | 'class_uid' | 'detail'>,
): Promise<void> {
  await audit.record({
    ...event,
    outcome: 'ALLOWED',
    actor: peerActor(service, request),
    trace: { trace_id: request.trace.traceId, span_id: request.trace.spanId },
  });
}

function json(value: unknown): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}
