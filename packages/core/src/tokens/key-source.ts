import type { CryptoKey } from 'jose';

/** A public key pinned to its one algorithm (RFC 8725 section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly key: CryptoKey;
}

/** Where a verifier finds the public keys of one issuer: the STS's own set, or a copy of a JWKS. */
export interface KeySource {
  /**
   * @returns undefined where it is certain that the issuer has no such key now
   * @throws SecurityError `STS_UNAVAILABLE` when that cannot be known
   */
  find(kid: string): Promise<VerificationKey | undefined>;
}
