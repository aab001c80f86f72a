import { SecurityError } from '@aduana/core/errors/security-error';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { Log } from '@aduana/core/platform/log';
import { admitEvents } from './admit-events.ts';
import { closeDeadBoots } from './close-dead-boots.ts';
import { parseEvents, type PostedEvent } from './parse-events.ts';
import type { Sequencer } from './sequencer.ts';
import type { SubjectKeys } from './subject-keys.ts';
import type { Database } from '@aduana/core/store/database';

export interface Ingest {
  /**
   * Appends what a peer posted; resolves once all of it is durable.
   *
   * @returns how many events the body held
   * @throws SecurityError `BAD_REQUEST`, `FORBIDDEN`, `AUDIT_CONFLICT`, `STORE_UNAVAILABLE`
   */
  accept(peer: string, body: string): Promise<number>;
  /** Whether the last events found no room, or no database. */
  readonly isRefusing: boolean;
}

export interface IngestOptions {
  readonly sequencer: Sequencer;
  readonly subjectKeys: SubjectKeys;
  readonly reader: Database;
  readonly log: Log;
  /** The audit service's own line to the log. */
  readonly own: () => AuditSink;
}

export function createIngest(options: IngestOptions): Ingest {
  const { sequencer, subjectKeys, log, own } = options;
  let isRefusing = false;

  async function accept(peer: string, body: string): Promise<number> {
    const events = parseEvents(body);
    if (events.length === 0) return 0;
    const entries = await admitEvents(peer, events, subjectKeys);
    const placed = await append(entries);
    const conflicts = placed.flatMap(({ result, seq }, index) => {
      const event = events[index];
      return result === 'conflicting' && event !== undefined ? [{ event, seq }] : [];
    });
    if (conflicts.length > 0) throw await recordConflicts(peer, conflicts);
    const started = events.filter(
      ({ type }, index) => type === 'source.start' && placed[index]?.result === 'added',
    );
    for (const event of started) closeLater(peer, event);
    return events.length;
  }

  async function append(entries: Parameters<Sequencer['append']>[0]): ReturnType<Sequencer['append']> {
    try {
      const placed = await sequencer.append(entries);
      isRefusing = false;
      return placed;
    } catch (error) {
      isRefusing = true;
      throw error;
    }
  }

  async function recordConflicts(
    peer: string,
    conflicts: readonly { readonly event: PostedEvent; readonly seq: number }[],
  ): Promise<SecurityError> {
    for (const { event, seq } of conflicts) {
      log.error('a peer sent another event under an id that is stored', { peer, id: event.id, seq });
      await own().record({
        type: 'audit.conflict',
        class_uid: 6003,
        outcome: 'DENIED',
        actor: { sub: peer, client_id: peer, act: [], auth_method: 'tls_client_auth', cert_thumbprint: null },
        detail: { event_id: event.id, type: event.type, stored_seq: seq },
      });
    }
    return new SecurityError('AUDIT_CONFLICT');
  }

  function closeLater(peer: string, event: PostedEvent): void {
    closeDeadBoots({ reader: options.reader, sink: own(), peer, source: event.source }).catch(
      (error: unknown) => {
        log.warn('an earlier boot could not be closed in the log', { peer, error });
      },
    );
  }

  return {
    accept,
    get isRefusing() {
      return isRefusing;
    },
  };
}
