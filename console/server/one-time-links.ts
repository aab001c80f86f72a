import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { randomSecret } from '@aduana/core/platform/ids';
import type { SignedIn } from './session.ts';

/** Logins that wait for the browser which follows their link. */
export interface OneTimeLinks {
  /** @returns the code of the link, which is kept nowhere */
  add(signedIn: SignedIn): string;
  /** What a code stands for, once; undefined for one that is unknown, used or too old. */
  take(code: string): SignedIn | undefined;
}

export const LINK_LIFE_MS = 60_000;
const MOST_WAITING = 100;

export function createOneTimeLinks(clock: Clock): OneTimeLinks {
  const waiting = createBoundedCache<SignedIn>(clock, MOST_WAITING);
  return {
    add(signedIn) {
      const code = randomSecret();
      waiting.set(sha256Base64url(code), signedIn, clock.now() + LINK_LIFE_MS);
      return code;
    },
    take(code) {
      const key = sha256Base64url(code);
      const found = waiting.get(key);
      waiting.delete(key);
      return found;
    },
  };
}
