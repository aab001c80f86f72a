/** What a remote key may sign with (RFC 7518 section 3.1, RFC 8037 section 3.1). */
export type RemoteKeyAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** Where signing keys may lie beside the deployment's own store. */
export type RemoteKeysKind = 'vault_transit' | 'aws_kms';

export interface RemoteKey {
  /** Finds the key again; not secret. */
  readonly reference: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

/**
 * Signing keys whose private parts never leave Vault Transit or AWS KMS; every call has a bounded wait and throws a
 * SecurityError, `SECRET_PROVIDER_UNAVAILABLE` when the keeper is away, `FORBIDDEN` when it refuses.
 */
export interface RemoteKeys {
  readonly kind: RemoteKeysKind;
  /**
   * Finds out before anything is made whether keys for this algorithm can be had.
   *
   * @throws ConfigurationError where they cannot
   */
  check(algorithm: RemoteKeyAlgorithm): Promise<void>;
  /** @param known references of the keys in use: one that was made and never recorded is taken up */
  create(algorithm: RemoteKeyAlgorithm, known: readonly string[]): Promise<RemoteKey>;
  /** @returns the signature as JWS has it (RFC 7518 section 3) */
  sign(algorithm: RemoteKeyAlgorithm, reference: string, input: Uint8Array): Promise<Buffer>;
  /**
   * Ends keys for good, so that nobody can sign with them any more, whoever asks.
   *
   * @param ended keys that sign no more
   * @param living keys that must go on signing
   * @returns those of `ended` that are ended now; others can be ended only after some of `living` have
   */
  end(ended: readonly string[], living: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
}
