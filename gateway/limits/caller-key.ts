import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Caller } from '../stages.ts';

/** A memo, not state: the claims of a token never change, and the key goes with them. */
const keys = new WeakMap<Caller['claims'], string>();

/** Who the caller is, issuer and subject, whatever token or connection it uses. */
export function callerKey({ claims }: Pick<Caller, 'claims'>): string {
  let key = keys.get(claims);
  if (key === undefined) {
    key = sha256Base64url(JSON.stringify([claims.sub_iss, claims.sub]));
    keys.set(claims, key);
  }
  return key;
}
