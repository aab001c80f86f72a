import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';
import { unavailable } from './audit-refusals.ts';
import { eventsBody } from './batch-post.ts';
import type { SpoolQueue } from './spool.ts';

/**
 * Hands events to a replica of the audit service, which keeps them on its own disk.
 *
 * @returns whether they lie there; false where the replica refuses them
 */
export type HandOver = (body: string, signal: AbortSignal) => Promise<boolean>;

/** Less than an append of the spool may take, so that the local disk has its time as well. */
const HAND_OVER_MS = 1000;

/** A spool whose events lie on the disk of an audit replica before they lie on this one: what is refused there lies nowhere. */
export function createReplicatedSpool(local: SpoolQueue, handOver: HandOver, clock: Clock): SpoolQueue {
  let isRefusing = false;
  /** The replica has refused a batch, perhaps for what of it may fill the least. */
  let isTight = false;

  async function copy(texts: readonly string[]): Promise<void> {
    const late = (): Error => unavailable('no audit replica keeps a copy in time');
    try {
      isRefusing = !(await within(clock, HAND_OVER_MS, late, (signal) =>
        handOver(eventsBody(texts), signal),
      ));
    } catch (error) {
      isRefusing = true;
      throw error;
    }
    isTight ||= isRefusing;
    if (isRefusing) throw unavailable('the audit replica keeps no copy');
  }

  return {
    isReplicated: true,
    get isRefusing() {
      return isRefusing;
    },
    get bytes() {
      return local.bytes;
    },
    get maxBytes() {
      return local.maxBytes;
    },
    get isEmpty() {
      return local.isEmpty;
    },
    takeLost: () => local.takeLost(),
    hasRoom(texts, shareOfRoom) {
      if (local.isEmpty) isTight = false;
      return !isTight && local.hasRoom(texts, shareOfRoom);
    },
    async append(texts, shareOfRoom) {
      await copy(texts);
      await local.append(texts, shareOfRoom);
    },
    peek: (maxTexts, maxCharacters) => local.peek(maxTexts, maxCharacters),
    drop: (count) => local.drop(count),
    close: () => local.close(),
  };
}
