import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { SecurityError } from '@aduana/core/errors/security-error';
import { admitEvents } from './admit-events.ts';
import { Closing, type ClosingOptions } from './closing.ts';
import { parseEvents, type PostedEvent } from './parse-events.ts';
import type { Sequencer } from './sequencer.ts';
import type { SubjectKeys } from './subject-keys.ts';

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

export interface IngestOptions extends ClosingOptions {
  readonly sequencer: Sequencer;
  readonly subjectKeys: SubjectKeys;
}

const ENDS: ReadonlySet<string> = new Set(['source.start', 'source.stop']);

export function createIngest(options: IngestOptions): Ingest {
  const { sequencer, subjectKeys } = options;
  const closing = new Closing(options);
  let isRefusing = false;

  async function accept(peer: string, body: string, isHeld: boolean): Promise<number> {
    const events = parseEvents(body);
    if (events.length === 0) return 0;
    const entries = await admitEvents(peer, events, subjectKeys);
    const placed = await append(entries);
    const added = events.filter((_, index) => placed[index]?.result === 'added');
    if (isHeld) closing.hearLate(peer, added.map(({ source }) => source.boot_id)); // prettier-ignore
    const conflicts = placed.flatMap(({ result, seq }, index) => {
      const event = events[index];
      return result === 'conflicting' && event !== undefined ? [{ event, seq }] : [];
    });
    if (conflicts.length > 0) throw await recordConflicts(options, peer, conflicts);
    if (!isHeld) closing.hear(added.some(({ type }) => ENDS.has(type)));
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

  return {
    accept: (peer, body) => accept(peer, body, false),
    acceptHeld: (peer, body) => accept(peer, body, true),
    closeHeld() {
      closing.closeLate();
    },
    get isRefusing() {
      return isRefusing;
    },
    settle: () => closing.settle(),
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
