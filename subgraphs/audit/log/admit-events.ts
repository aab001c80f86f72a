import { canonicalText } from '@aduana/client/audit/canonical';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { sealPersonalData, type SealedPersonalData } from '@aduana/server-kit/audit/personal-data';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256 } from '@aduana/core/platform/digest';
import { columnsOf } from './entry-columns.ts';
import { mayWrite } from './event-types.ts';
import { isObject, type PostedEvent } from './parse-events.ts';
import type { NewEntry } from './sequencer.ts';
import type { SubjectKeys } from './subject-keys.ts';

/**
 * Turns what a peer posted into entries: stamps who posted it, seals personal data, and gives it its one text.
 *
 * @throws SecurityError `FORBIDDEN` for a type that this peer may not write
 */
export async function admitEvents(
  peer: string,
  events: readonly PostedEvent[],
  subjectKeys: SubjectKeys,
): Promise<readonly NewEntry[]> {
  requireOwnTypes(peer, events);
  if (events.every(({ pii }) => pii === undefined || pii === null))
    return events.map((event) => toEntry(peer, event, null));
  return Promise.all(events.map(async (event) => toEntry(peer, event, await seal(event, subjectKeys))));
}

/** @throws SecurityError `FORBIDDEN` for a type that this peer may not write */
export function requireOwnTypes(peer: string, events: readonly PostedEvent[]): void {
  const foreign = events.find(({ type }) => !mayWrite(peer, type));
  if (foreign !== undefined)
    throw new SecurityError('FORBIDDEN', { detail: `${peer} may not write ${foreign.type}` });
}

function toEntry(peer: string, event: PostedEvent, pii: SealedPersonalData | null): NewEntry {
  const { v, id, time, source, type, class_uid, outcome, actor, ...rest } = event;
  const { instance, boot_id, n } = source;
  const stamped = {
    v,
    id,
    time,
    source: { peer, instance, boot_id, n },
    type,
    class_uid,
    outcome,
    actor,
    ...rest,
    pii,
  };
  const canonical = canonicalText(stamped);
  const hash = leafHash(canonical);
  return {
    columns: columnsOf(
      canonical.includes('"truncated":true') ? (JSON.parse(canonical) as typeof stamped) : stamped,
    ),
    // sealing is not repeatable: an event sent again is known by everything but the sealed values
    fingerprint:
      pii === null ? hash : sha256(canonicalText({ ...stamped, pii: Object.keys(pii.values).sort() })),
    leafHash: hash,
    canonical,
  };
}

async function seal(event: PostedEvent, subjectKeys: SubjectKeys): Promise<SealedPersonalData | null> {
  if (event.pii === undefined || event.pii === null) return null;
  const { subject, values } = isObject(event.pii) ? event.pii : {};
  if (typeof subject !== 'string' || !isObject(values) || !Object.values(values).every(isText))
    throw new SecurityError('BAD_REQUEST', { detail: 'pii needs a subject and values that are texts' });
  const key = await subjectKeys.ensure(subject);
  return sealPersonalData(
    key.revealBytes(),
    subjectKeys.nameOf(subject).toString('hex'),
    event.id,
    values as Record<string, string>,
  );
}

const MAX_VALUE_CHARACTERS = 1024;

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_VALUE_CHARACTERS;
}
