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
import { openHeldInventory } from './held-inventory.ts';
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
  const { maxBytes, ingest, clock, log } = options;
  const own = { folder: join(options.folder, peer), key: hmacSha256(options.key, `held\n${peer}`) };
  const inventory = await openHeldInventory(own);
  const spool = await openSpool({ ...own, disk: inventory.disk, maxBytes, log, doubtsTorn: true });
  let appending = 0;
  let last: Promise<void> = Promise.resolve();
  // both may have found the same: each counts what is lost at least
  const found = Math.max(inventory.untold, spool.takeLost());
  await inventory.keepUntold(found);
  const damage = createDamageReport(peer, options, {
    found,
    take: () => spool.takeLost(),
    whenTold: () => inventory.keepUntold(0),
  });
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
      await inventory.close();
    },
  };
}

interface Damage {
  /** What was found at the opening. */
  readonly found: number;
  /** What was found since the last call. */
  readonly take: () => number;
  readonly whenTold: () => Promise<void>;
}

/** The peer may still have its own copy: whether anything is missing, the numbers of its events say. */
function createDamageReport(
  peer: string,
  { own, log }: Pick<PeerHoldOptions, 'own' | 'log'>,
  { found, take, whenTold }: Damage,
) {
  let untold = found;
  return {
    add(): void {
      untold += 1;
    },
    tell(): void {
      const count = take() + untold;
      untold = 0;
      if (count === 0) return;
      log.error('events that were held for a peer are damaged or refused', { peer, count });
      const actor = { ...ANONYMOUS, sub: peer, client_id: peer };
      own()
        .record({ ...auditEvent('audit.unheld', { peer, count }), outcome: 'FAILED', actor })
        .then(whenTold, (error: unknown) => {
          untold += count;
          log.error('that held events are damaged could not be recorded', { peer, error });
        })
        .catch((error: unknown) => {
          log.error('that held events are damaged is recorded, and may be once more', { peer, error });
        });
    },
  };
}
