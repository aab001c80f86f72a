/** Signs with one private key, wherever that key lies. */
export interface Signer {
  /**
   * @param input the JWS signing input (RFC 7515 section 5.1)
   * @returns the signature as JWS has it: R || S for ECDSA (RFC 7518 section 3.4)
   * @throws SecurityError `SECRET_PROVIDER_UNAVAILABLE` when the key cannot be used now
   */
  sign(input: Uint8Array): Promise<Uint8Array>;
}
