import { setImmediate as nextTurn } from 'node:timers/promises';
import { canonicalText } from '@aduana/client/audit/canonical';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { sealPersonalData, type SealedPersonalData } from '@aduana/server-kit/audit/personal-data';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256 } from '@aduana/core/platform/digest';
import type { Secret } from '@aduana/core/secrets/secret';
import { columnsOf } from './entry-columns.ts';
import { mayWrite } from './event-types.ts';
import type { PostedEvent } from './parse-events.ts';
import type { NewEntry } from './sequencer.ts';
import type { SubjectKeys } from './subject-keys.ts';

/** Values, some ten milliseconds of work: what other peers post is taken in between. */
const SEALED_PER_TURN = 256;

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
  const subjects = new Set(events.flatMap(({ pii }) => (pii == null ? [] : [pii.subject])));
  const keys = subjects.size === 0 ? new Map<string, Secret>() : await subjectKeys.ensure(subjects);
  const entries: NewEntry[] = [];
  let sealed = 0;
  for (const event of events) {
    const personal = seal(event, keys, subjectKeys);
    entries.push(toEntry(peer, event, personal));
    sealed += Object.keys(personal?.values ?? {}).length;
    if (sealed < SEALED_PER_TURN) continue;
    sealed = 0;
    await nextTurn();
  }
  return entries;
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

function seal(
  { id, pii }: PostedEvent,
  keys: ReadonlyMap<string, Secret>,
  subjectKeys: SubjectKeys,
): SealedPersonalData | null {
  const key = pii == null ? undefined : keys.get(pii.subject);
  if (pii == null || key === undefined) return null;
  return sealPersonalData(key.revealBytes(), subjectKeys.nameOf(pii.subject).toString('hex'), id, pii.values);
}
