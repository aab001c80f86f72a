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
  /** The same for what was held of a peer: it may come after the boot that has succeeded its own. */
  acceptHeld(peer: string, body: string): Promise<number>;
  /** Nothing is held any more: closes those boots. */
  closeHeld(): void;
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
  /** Whether something is held that may yet end what looks open. */
  readonly awaitsHeld: () => boolean;
}

const ENDS: ReadonlySet<string> = new Set(['source.start', 'source.stop']);

const CLOSE_AGAIN_MS = 10_000;
const HELD_AGAIN_MS = 500;
const HELD_ROUNDS = 20;

export function createIngest(options: IngestOptions): Ingest {
  const { sequencer, subjectKeys, reader, clock, log, own, awaitsHeld } = options;
  const inTurn = createMutex();
  let isRefusing = false;
  let { stopsFrom } = options;
  /** When a boot that could not be closed is tried again, by the next event that comes. */
  let closeAgainAt = Infinity;
  /** Boots of which something came that was held. */
  const late = new Set<string>();

  async function accept(peer: string, body: string, isHeld: boolean): Promise<number> {
    const events = parseEvents(body);
    if (events.length === 0) return 0;
    const entries = await admitEvents(peer, events, subjectKeys);
    const placed = await append(entries);
    const added = events.filter((_, index) => placed[index]?.result === 'added');
    if (isHeld) for (const { source } of added) late.add(source.boot_id);
    const conflicts = placed.flatMap(({ result, seq }, index) => {
      const event = events[index];
      return result === 'conflicting' && event !== undefined ? [{ event, seq }] : [];
    });
    if (conflicts.length > 0) throw await recordConflicts(options, peer, conflicts);
    const hasEnded = added.some(({ type }) => ENDS.has(type));
    if (!isHeld && (hasEnded || clock.monotonic() >= closeAgainAt)) closeLater();
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
      for (let round = 0; round < HELD_ROUNDS && awaitsHeld(); round += 1) await clock.sleep(HELD_AGAIN_MS);
      const boots = [...late];
      stopsFrom = await closeEndedInstances({ reader, sink: own(), stopsFrom, late: boots });
      for (const boot of boots) late.delete(boot);
    }).catch((error: unknown) => {
      closeAgainAt = clock.monotonic() + CLOSE_AGAIN_MS;
      log.warn('an earlier boot could not be closed in the log', { error });
    });
  }

  return {
    accept: (peer, body) => accept(peer, body, false),
    acceptHeld: (peer, body) => accept(peer, body, true),
    closeHeld() {
      if (late.size > 0) closeLater();
    },
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
