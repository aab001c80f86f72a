/** What the STS may sign with: asymmetric algorithms alone (RFC 7518 section 3.1, RFC 8037 section 3.1). */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const;

/** One of `SIGNING_ALGORITHMS`, as in a JOSE header. */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];
