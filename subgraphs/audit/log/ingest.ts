import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { createMutex } from '@aduana/core/platform/mutex';
import { admitEvents } from './admit-events.ts';
import { closeEndedInstances } from './close-ended-instances.ts';
import { parseEvents, type PostedEvent } from './parse-events.ts';
import type { Sequencer } from './sequencer.ts';
import type { SubjectKeys } from './subject-keys.ts';
import type { Database } from '@aduana/server-kit/store/database';

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
  /** Waits for what is being recorded of ended sources. */
  settle(): Promise<void>;
}

export interface IngestOptions {
  readonly sequencer: Sequencer;
  readonly subjectKeys: SubjectKeys;
  readonly reader: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** The audit service's own line to the log. */
  readonly own: () => AuditSink;
  /** Stops of sources from that entry on may have left something open that is not recorded yet. */
  readonly stopsFrom: number;
}

const ENDS: ReadonlySet<string> = new Set(['source.start', 'source.stop']);

const CLOSE_AGAIN_MS = 10_000;

export function createIngest(options: IngestOptions): Ingest {
  const { sequencer, subjectKeys, reader, clock, log, own } = options;
  const inTurn = createMutex();
  let isRefusing = false;
  let { stopsFrom } = options;
  /** When a boot that could not be closed is tried again, by the next event that comes. */
  let closeAgainAt = Infinity;

  async function accept(peer: string, body: string): Promise<number> {
    const events = parseEvents(body);
    if (events.length === 0) return 0;
    const entries = await admitEvents(peer, events, subjectKeys);
    const placed = await append(entries);
    const conflicts = placed.flatMap(({ result, seq }, index) => {
      const event = events[index];
      return result === 'conflicting' && event !== undefined ? [{ event, seq }] : [];
    });
    if (conflicts.length > 0) throw await recordConflicts(options, peer, conflicts);
    const hasEnded = events.some(({ type }, index) => ENDS.has(type) && placed[index]?.result === 'added');
    if (hasEnded || clock.monotonic() >= closeAgainAt) closeLater();
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

  function closeLater(): void {
    closeAgainAt = Infinity;
    inTurn(async () => {
      stopsFrom = await closeEndedInstances({ reader, sink: own(), stopsFrom });
    }).catch((error: unknown) => {
      closeAgainAt = clock.monotonic() + CLOSE_AGAIN_MS;
      log.warn('an earlier boot could not be closed in the log', { error });
    });
  }

  return {
    accept,
    get isRefusing() {
      return isRefusing;
    },
    settle: () => inTurn(() => Promise.resolve()),
  };
}

async function recordConflicts(
  { log, own }: Pick<IngestOptions, 'log' | 'own'>,
  peer: string,
  conflicts: readonly { readonly event: PostedEvent; readonly seq: number }[],
): Promise<SecurityError> {
  for (const { event, seq } of conflicts) {
    log.error('a peer sent another event under an id that is stored', { peer, id: event.id, seq });
    await own().record({
      ...auditEvent('audit.conflict', { event_id: event.id, type: event.type, stored_seq: seq }),
      outcome: 'DENIED',
      actor: { sub: peer, client_id: peer, act: [], auth_method: 'tls_client_auth', cert_thumbprint: null },
    });
  }
  return new SecurityError('AUDIT_CONFLICT');
}
