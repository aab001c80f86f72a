/** A JSON Web Key (RFC 7517 section 4), and the claims of a JWT (RFC 7519 section 4), for those who do not verify. */
export type { JWK as Jwk, JWTPayload as JwtClaims } from 'jose';
