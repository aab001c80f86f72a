import { join } from 'node:path';
import { createAuditDrain } from '@aduana/client/audit/audit-drain';
import { isCondemning } from '@aduana/client/audit/audit-refusals';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { eventsBody } from '@aduana/client/audit/batch-post';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { openSpool } from '@aduana/client/audit/spool';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { hmacSha256 } from '@aduana/core/platform/digest';
import type { Log } from '@aduana/core/platform/log';
import type { Ingest } from './ingest.ts';

/** What is held of one peer. */
export interface PeerHold {
  readonly bytes: number;
  readonly isEmpty: boolean;
  /**
   * Resolves once all of them are on the disk, or none is.
   *
   * @param share the part of the peer's room that these may fill up to
   * @throws SecurityError `AUDIT_UNAVAILABLE` when full, or when the disk refuses
   */
  append(texts: readonly string[], share: number): Promise<void>;
  /** Tells the log what was found damaged, and appends the rest. */
  begin(): void;
  /** Appends what a few seconds allow; the rest stays on the disk. */
  stop(): Promise<void>;
}

export interface PeerHoldOptions {
  readonly folder: string;
  /** Authenticates what is held, each peer's with a key of its own. */
  readonly key: Uint8Array;
  /** For one peer. */
  readonly maxBytes: number;
  readonly ingest: Pick<Ingest, 'acceptHeld' | 'closeHeld'>;
  /** The audit service's own line to the log. */
  readonly own: () => AuditSink;
  readonly clock: Clock;
  readonly log: Log;
}

/** @param peer a service's id, which is a folder's name too */
export async function openPeerHold(peer: string, options: PeerHoldOptions): Promise<PeerHold> {
  const { folder, key, maxBytes, ingest, clock, log } = options;
  const spool = await openSpool({
    folder: join(folder, peer),
    key: hmacSha256(key, `held\n${peer}`),
    maxBytes,
    log,
    doubtsTorn: true,
  });
  let appending = 0;
  let last: Promise<void> = Promise.resolve();
  const damage = createDamageReport(peer, options, () => spool.takeLost());
  const drain = createAuditDrain({
    spool,
    platform: { clock, log },
    isCondemning: (error) =>
      isCondemning(error) || (error instanceof SecurityError && error.code === 'FORBIDDEN'),
    async post(texts) {
      await ingest.acceptHeld(peer, eventsBody(texts));
    },
    onRefused: damage.add,
    whenSpoolRests: () => (appending > 0 ? last : undefined),
    onEmpty() {
      ingest.closeHeld();
      damage.tell();
    },
  });

  return {
    get bytes() {
      return spool.bytes;
    },
    get isEmpty() {
      return spool.isEmpty;
    },
    async append(texts, share) {
      appending += 1;
      const append = spool.append(texts, share).finally(() => {
        appending -= 1;
      });
      last = append.catch(() => undefined);
      await append;
      drain.begin();
    },
    begin() {
      damage.tell();
      drain.begin();
    },
    async stop() {
      await drain.finish();
      await spool.close();
    },
  };
}

/** The peer may still have its own copy: whether anything is missing, the numbers of its events say. */
function createDamageReport(
  peer: string,
  { own, log }: Pick<PeerHoldOptions, 'own' | 'log'>,
  takeDamaged: () => number,
) {
  let refused = 0;
  return {
    add(): void {
      refused += 1;
    },
    tell(): void {
      const count = takeDamaged() + refused;
      refused = 0;
      if (count === 0) return;
      log.error('events that were held for a peer are damaged or refused', { peer, count });
      const actor = { ...ANONYMOUS, sub: peer, client_id: peer };
      own()
        .record({ ...auditEvent('audit.unheld', { peer, count }), outcome: 'FAILED', actor })
        .catch((error: unknown) => {
          refused += count;
          log.error('that held events are damaged could not be recorded', { peer, error });
        });
    },
  };
}
