import { ANONYMOUS, type AuditActor } from './audit-event.ts';

const ANONYMOUS_SHARE = 0.25;
const INTENT_SHARE = 0.9;

/** The part of a spool that an event may fill: unauthenticated callers cannot fill it, and what was begun finds room for its outcome. */
export function shareOfRoom(type: string, { sub }: Pick<AuditActor, 'sub'>): number {
  if (sub === ANONYMOUS.sub) return ANONYMOUS_SHARE;
  return type === 'request.intent' ? INTENT_SHARE : 1;
}
