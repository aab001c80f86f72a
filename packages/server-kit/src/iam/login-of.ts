import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';

/** What a token says of its subject's login; what its issuer did not say stays unknown. */
export function loginOf({ acr, auth_time: authTime }: Pick<AccessTokenClaims, 'acr' | 'auth_time'>): {
  readonly acr?: string;
  /** Milliseconds since the epoch. */
  readonly authTime?: number;
} {
  return {
    ...(acr === undefined ? {} : { acr }),
    ...(authTime > 0 ? { authTime: authTime * 1000 } : {}),
  };
}
