import { readdir } from 'node:fs/promises';
import { unavailable } from '@aduana/client/audit/audit-refusals';
import { boundedText } from '@aduana/client/audit/canonical';
import { shareOfRoom } from '@aduana/client/audit/share-of-room';
import type { Metrics } from '@aduana/core/platform/metrics';
import { requireOwnTypes } from './admit-events.ts';
import { parseEvents, type PostedEvent } from './parse-events.ts';
import { openPeerHold, type PeerHold, type PeerHoldOptions } from './peer-hold.ts';

/** Copies of what sources have in their spools while the log is away: who loses its disk has lost nothing. */
export interface HeldEvents {
  /**
   * Resolves once all that a peer posted is on the disk of this replica.
   *
   * @returns how many events the body held
   * @throws SecurityError `BAD_REQUEST`, `FORBIDDEN`, `AUDIT_UNAVAILABLE` where nothing is held, or there is no room
   */
  hold(peer: string, body: string): Promise<number>;
  /** Whether there is room; false where nothing is held. */
  readonly isTaking: boolean;
  readonly isEmpty: boolean;
  /** Whether something waits that will be appended as soon as the log takes it. */
  readonly isPending: boolean;
  /** Begins to append what is held whenever the log takes it, and tells the log what is damaged. */
  begin(): void;
  /** Appends what a few seconds allow; the rest stays on the disk. */
  stop(): Promise<void>;
}

export interface HeldEventsOptions extends PeerHoldOptions {
  /** False: what an earlier setting has left is appended, and nothing more is taken. */
  readonly holds: boolean;
  readonly metrics: Pick<Metrics, 'gauge'>;
}

/** What `service_identities.yaml` allows: the name of a folder that leads nowhere else. */
const PEER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** How much all peers have together, as a multiple of what one has. */
const ALL_PEERS = 4;
/** Levels of objects and arrays that the log keeps of an event. */
const MAX_DEPTH = 32;

export async function openHeldEvents(options: HeldEventsOptions): Promise<HeldEvents> {
  const { folder, maxBytes, holds, metrics } = options;
  const opening = new Map<string, Promise<PeerHold>>();
  const open = new Set<PeerHold>();
  const limit = holds ? maxBytes * ALL_PEERS : 0;
  let isStopped = false;
  const sum = (): number => [...open].reduce((total, { bytes }) => total + bytes, 0);
  const isEmpty = (): boolean => [...open].every((hold) => hold.isEmpty);
  metrics.gauge('aduana_audit_held_bytes', (gauge) => {
    gauge.set(sum());
  });

  async function openHold(peer: string): Promise<PeerHold> {
    try {
      const hold = await openPeerHold(peer, options);
      open.add(hold);
      return hold;
    } catch (error) {
      opening.delete(peer);
      throw error;
    }
  }
  function holdOf(peer: string): Promise<PeerHold> {
    const hold = opening.get(peer) ?? openHold(peer);
    opening.set(peer, hold);
    return hold;
  }

  await Promise.all((await findPeers(folder)).map(holdOf));
  return {
    async hold(peer, body) {
      if (!holds || !PEER.test(peer)) throw unavailable('nothing is held here');
      const events = parseEvents(body);
      requireOwnTypes(peer, events);
      if (events.length === 0) return 0;
      if (sum() + body.length > limit) throw unavailable('what is held has no more room');
      const share = Math.min(...events.map(({ type, actor }) => shareOfRoom(type, actor)));
      const texts = events.map(textOf);
      await (await holdOf(peer)).append(texts, share);
      return events.length;
    },
    get isTaking() {
      return sum() < limit;
    },
    get isEmpty() {
      return isEmpty();
    },
    get isPending() {
      return !isStopped && !isEmpty();
    },
    begin() {
      for (const hold of open) hold.begin();
    },
    async stop() {
      await Promise.all([...open].map((hold) => hold.stop()));
      isStopped = true;
    },
  };
}

/** As it was posted; what is too deep for `JSON.stringify` is cut as the log cuts it, so that it stays the same event. */
function textOf(event: PostedEvent): string {
  return isWithin(event, MAX_DEPTH) ? JSON.stringify(event) : boundedText({ ...event });
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isWithin(member, depth - 1));
}

/** Of whom an earlier process has left something. */
async function findPeers(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory() && PEER.test(entry.name)).map(({ name }) => name);
}
