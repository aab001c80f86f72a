import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { EventFilter } from './stored-event.ts';

export interface FollowedRead {
  readonly claims: AccessTokenClaims;
  /** Chosen by the reader, for one view of the log. */
  readonly follow: string;
  readonly filter: EventFilter;
  /** After which entry this page begins, and up to which one it has looked. */
  readonly from: number;
  readonly end: number;
}

/** Whoever watches the log reads on and on: the first page of a view is recorded, and again once in a while. */
export interface FollowedReads {
  /**
   * Whether this page goes on where the last one of the same reader, view and filter ended, and needs no event of its
   * own: the one of the view says from where on all has been read.
   */
  goOn(read: FollowedRead): boolean;
}

const MOST_VIEWS = 1_000;
const RECORDED_EVERY_MS = 600_000;

export function createFollowedReads(clock: Clock): FollowedReads {
  const views = createBoundedCache<{ readonly end: number; readonly until: number }>(clock, MOST_VIEWS);
  return {
    goOn({ claims, follow, filter, from, end }) {
      const { sub_iss: issuer, sub, client_id: client, act } = claims;
      const key = sha256Base64url(JSON.stringify([issuer, sub, client, actorsOf(act), follow, filter]));
      const known = views.get(key);
      const isOn = known?.end === from;
      const until = isOn ? known.until : clock.now() + RECORDED_EVERY_MS;
      views.set(key, { end, until }, until);
      return isOn;
    },
  };
}
