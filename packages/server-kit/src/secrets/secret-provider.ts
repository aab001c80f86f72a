import type { Secret } from '@aduana/core/secrets/secret';

export interface SecretVersion {
  readonly value: Secret;
  /** Counts from 1. */
  readonly version: number;
}

/** Names what wrapped bytes are for, such as `{ purpose: 'signing-key', kid }`: authenticated, not encrypted. */
export type WrapContext = Readonly<Record<string, string>>;

/** Where secrets live and what wraps keys at rest; every call has a bounded wait. */
export interface SecretProvider {
  readonly kind: 'local' | 'vault' | 'aws_kms';
  /**
   * @param options `fresh`: ask the provider itself, whatever is remembered
   * @returns undefined only where it is certain that there is no such secret
   * @throws SecurityError `SECRET_PROVIDER_UNAVAILABLE` when away, `FORBIDDEN` when refused
   */
  get(name: string, options?: { readonly fresh?: boolean }): Promise<SecretVersion | undefined>;
  /**
   * Writes the next version if the stored one is still `expectedVersion` (0: there is none).
   *
   * @returns the new version
   * @throws SecurityError `CONFLICT` when another writer was first
   */
  put(name: string, value: Secret, expectedVersion: number): Promise<number>;
  /** Envelope encryption under a key that this provider guards. */
  wrap(plaintext: Secret, context: WrapContext): Promise<string>;
  /** @throws SecurityError `FORBIDDEN` when the text was wrapped for another context or changed */
  unwrap(wrapped: string, context: WrapContext): Promise<Secret>;
  /** Calls back after a version newer than the last one seen; returns what ends the watch. */
  watch(name: string, onChange: (current: SecretVersion) => void): () => void;
  /** Resolves when the provider answers. */
  check(): Promise<void>;
  close(): Promise<void>;
}
