import type { SecureContextOptions } from 'node:tls';

/** A certificate, its key and the trusted CAs, loaded together; the key is reached through `secureContextOptions` alone. */
export interface TlsGeneration {
  /** `key`, `cert` and `ca`, for a server's or a client's secure context. */
  secureContextOptions(): SecureContextOptions;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** DER of every CA in `ca.crt`. */
  readonly authorities: readonly Buffer[];
  /** base64url(SHA-256(DER)) of the leaf. */
  readonly thumbprint: string;
  /** `spiffe://<trust domain>/<service>`. */
  readonly spiffeId: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** A service's identity on the wire, which may be replaced while it runs. */
export interface TlsIdentity {
  /** The newest good generation. */
  current(): TlsGeneration;
  /** Calls back after a new generation has been loaded; returns what ends that. */
  onChange(listener: (generation: TlsGeneration) => void): () => void;
  /** Ends the reading of the files; the last generation stays. */
  stop(): Promise<void>;
}
