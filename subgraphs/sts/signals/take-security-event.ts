import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Log } from '@aduana/core/platform/log';
import { LONGEST_SUBJECT_LIFE_SECONDS, STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { StatusReader } from '@aduana/core/status/status-reader';
import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import { appendStatus } from '../status/status-rows.ts';
import type { SecurityEventToken, VerifySecurityEventToken } from './security-event-token.ts';

/** How an event came. */
export type Delivery = 'push' | 'poll';

/** `revoked`: the subject's tokens count no more; `repeated`: the same token came before. */
export type Effect = 'revoked' | 'none' | 'repeated';

/**
 * Takes a security event token: resolves when its effect and its audit event are durable.
 *
 * @param recordsRepeat whether a token that came before gets an audit event of its own
 * @throws SecurityError as `VerifySecurityEventToken`; with status 429 or 503 where it is to be sent again
 */
export type TakeSecurityEvent = (
  text: string,
  delivery: Delivery,
  recordsRepeat: () => Promise<boolean>,
) => Promise<Effect>;

export interface TakeSecurityEventOptions {
  readonly verify: VerifySecurityEventToken;
  readonly database: Database;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly status: Pick<StatusReader, 'read'>;
  readonly audit: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
  /** Of one transmitter that are in the feed at once; default: 100,000. */
  readonly mostRevocations?: number;
  /** Events of one transmitter that are taken in a minute, at this replica; default: without a bound. */
  readonly mostPerMinute?: number | 'off';
}

const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/';
const STREAM_UPDATED = `${SSF}stream-updated`;
const DEVICE_COMPLIANCE = 'https://schemas.openid.net/secevent/caep/event-type/device-compliance-change';
const SKEW_SECONDS = 60;
/** Every service keeps all of them in memory: beyond that a transmitter has to wait, and no other one. */
const MOST_REVOCATIONS = 100_000;
const MINUTE_MS = 60_000;

export function createTakeSecurityEvent(options: TakeSecurityEventOptions): TakeSecurityEvent {
  const { verify, database, bus, status, audit, log } = options;
  const count = createEventRate(options);
  return async (text, delivery, recordsRepeat) => {
    const token = await verify(text);
    const id = `set:${sha256Base64url(JSON.stringify([token.issuer.issuer, token.jti]))}`;
    const isRepeated = await wasSeen(database, id);
    await count(token.issuer.issuer, isRepeated);
    // Also of one that was seen: the feed is sealed, and what was seen is not.
    const revoked = isRevoking(token) ? await revoke(token, id, options) : undefined;
    if (revoked !== undefined && !isRepeated) {
      bus.publish(STATUS_TOPIC);
      await status.read();
    }
    if (isRepeated && !(await recordsRepeat())) return 'repeated';
    const effect = isRepeated ? 'repeated' : revoked === undefined ? 'none' : 'revoked';
    if (effect === 'revoked') await recordRevocation(token, revoked, audit);
    await recordEvent(token, effect, delivery, audit);
    for (const [type, { status: state }] of token.events)
      if (type === STREAM_UPDATED && state !== 'enabled')
        log.warn('a transmitter has stopped its events', { issuer: token.issuer.issuer });
    // Last: what was seen is durable, so that a crash before leads to it once more.
    await markSeen(database, id, (token.refusedAfter + SKEW_SECONDS) * 1000);
    return effect;
  };
}

/**
 * Counts the events of a transmitter, known by its signature: each one costs rows and an audit event. Who sends one of them
 * again, which takes no signature, uses up another count.
 */
function createEventRate({ clock, mostPerMinute = 'off' }: TakeSecurityEventOptions) {
  const counter = createInProcessRateCounter(clock);
  return async (transmitter: string, isRepeated: boolean): Promise<void> => {
    if (mostPerMinute === 'off') return;
    const key = JSON.stringify([transmitter, isRepeated]);
    const { allowed, retryAfterMilliseconds } = await counter.take(key, mostPerMinute, MINUTE_MS);
    if (!allowed)
      throw new SecurityError('RATE_LIMITED', {
        detail: 'more security events than SECURITY_EVENT_RATE_PER_MINUTE',
        retryAfterSeconds: Math.ceil(retryAfterMilliseconds / 1000),
      });
  };
}

/** Whether an event of a type that the policies name says that something is lost. */
function isRevoking({ events, signals, subject }: SecurityEventToken): boolean {
  const named = [...events].filter(([type]) => signals.events.includes(type));
  const isLoss = named.some(
    ([type, { current_status: state }]) => type !== DEVICE_COMPLIANCE || state !== 'compliant',
  );
  if (isLoss && subject === undefined)
    throw new SecurityError('invalid_request', { detail: 'no subject in the form iss_sub' });
  return isLoss;
}

/** Once per token; the time up to which tokens are revoked, in seconds since the epoch. */
async function revoke(
  { issuer: { issuer }, subject = '' }: SecurityEventToken,
  id: string,
  { database, seals, clock, mostRevocations = MOST_REVOCATIONS }: TakeSecurityEventOptions,
): Promise<number> {
  const notAfter = epochSeconds(clock);
  const until = notAfter + LONGEST_SUBJECT_LIFE_SECONDS + SKEW_SECONDS;
  await database.transaction(async (transaction) => {
    const entry = { kind: 'subject_revoked', issuer, subject, notAfter, until } as const;
    if ((await countRevocations(transaction, entry, mostRevocations)) >= mostRevocations)
      throw new SecurityError('OVERLOADED', { detail: 'as many revocations as can be kept' });
    await appendStatus(transaction, id, entry, clock.now(), seals);
  });
  return notAfter;
}

/** Those of one transmitter; none are counted before the feed has so many of all. */
async function countRevocations(
  transaction: Queryable,
  { kind, issuer }: { readonly kind: string; readonly issuer: string },
  limit: number,
): Promise<number> {
  const { rows: heads } = await transaction.query<{ passing: string | number | null }>(
    'SELECT passing FROM status_head',
  );
  if (Number(heads[0]?.passing ?? 0) < limit) return 0;
  const beginning = `${JSON.stringify({ kind, issuer }).slice(0, -1)},`;
  const { rows } = await transaction.query<{ count: number }>(
    "SELECT count(*)::integer AS count FROM status_entries WHERE id LIKE 'set:%' AND starts_with(entry, $1)",
    [beginning],
  );
  return rows[0]?.count ?? 0;
}

async function recordRevocation(
  { issuer: { issuer }, subject, events }: SecurityEventToken,
  notAfter: number | undefined,
  audit: AuditSink,
): Promise<void> {
  const reason = `security event: ${[...events.keys()].map(nameOf).join(', ')}`;
  await audit.record({
    ...auditEvent('subject.revoke', { issuer, subject, not_after: notAfter, reason }),
    outcome: 'ALLOWED',
    actor: actorOf(issuer),
  });
}

async function recordEvent(
  { issuer: { issuer }, jti, events, subject }: SecurityEventToken,
  effect: Effect,
  delivery: Delivery,
  audit: AuditSink,
): Promise<void> {
  await audit.record({
    ...auditEvent('signal.receive', {
      issuer,
      jti,
      events: [...events.keys()],
      ...(subject === undefined ? {} : { subject }),
      effect,
      delivery,
    }),
    outcome: 'ALLOWED',
    actor: actorOf(issuer),
  });
}

/** The last part of the URI. */
function nameOf(type: string): string {
  return type.slice(type.lastIndexOf('/') + 1);
}

/** The transmitter, known by its signature. */
function actorOf(issuer: string): AuditActor {
  return { sub: issuer, iss: issuer, client_id: null, act: [], auth_method: null, cert_thumbprint: null };
}

async function wasSeen(database: Database, id: string): Promise<boolean> {
  const { rows } = await database.query('SELECT 1 FROM seen_assertions WHERE id = $1', [id]);
  return rows.length > 0;
}

async function markSeen(database: Database, id: string, expiresAt: number): Promise<void> {
  await database.query(
    'INSERT INTO seen_assertions (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
    [id, expiresAt],
  );
}
