import { X509Certificate } from 'node:crypto';
import { SecurityError } from '../errors/security-error.ts';
import { leafProblem, type LeafRules, notAfterOf, notBeforeOf } from './leaf-problem.ts';
import { certificateThumbprint, type PeerIdentity, spiffeIdOf } from './peer-identity.ts';

const LONGEST_CHAIN = 5;

export interface ChainRules extends LeafRules {
  /** DER of the trusted CAs. */
  readonly authorities: readonly Uint8Array[];
}

/**
 * Verifies a chain that did not come by a TLS handshake of our own (RFC 5280 section 6.1).
 *
 * @param chain DER, leaf first
 * @throws SecurityError `UNAUTHENTICATED`, whose detail says what is wrong
 */
export function verifyCertificateChain(chain: readonly Uint8Array[], rules: ChainRules): PeerIdentity {
  const [leaf, ...intermediates] = parseChain(chain);
  if (leaf === undefined) throw refuse('the certificate chain is empty');
  const problem = leafProblem(leaf, rules) ?? pathProblem(leaf, intermediates, rules);
  if (problem !== undefined) throw refuse(`the certificate ${problem}`);
  return {
    spiffeId: spiffeIdOf(leaf) ?? '',
    thumbprint: certificateThumbprint(leaf.raw),
    chain: [leaf, ...intermediates].map(({ raw }) => raw),
    notAfter: notAfterOf(leaf),
  };
}

/** Why no trusted CA vouches for a certificate, over these intermediates in their order; undefined: one does. */
export function pathProblem(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  { authorities, now }: Pick<ChainRules, 'authorities' | 'now'>,
): string | undefined {
  const roots = authorities.map((der) => new X509Certificate(der));
  const root = roots.find((candidate) => isIssuedBy(certificate, candidate));
  if (root !== undefined) return validityProblem(root, now);
  const [issuer, ...others] = intermediates;
  if (issuer === undefined || !isIssuedBy(certificate, issuer)) return 'is not signed by a trusted CA';
  return validityProblem(issuer, now) ?? pathProblem(issuer, others, { authorities, now });
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function validityProblem(authority: X509Certificate, now: number): string | undefined {
  const valid = now >= notBeforeOf(authority) && now < notAfterOf(authority);
  return valid ? undefined : 'is signed by a CA outside its validity';
}

function parseChain(chain: readonly Uint8Array[]): X509Certificate[] {
  if (chain.length > LONGEST_CHAIN) throw refuse('the certificate chain is too long');
  try {
    return chain.map((der) => new X509Certificate(der));
  } catch (cause) {
    throw new SecurityError('UNAUTHENTICATED', { detail: 'the certificate chain cannot be read', cause });
  }
}

function refuse(detail: string): SecurityError {
  return new SecurityError('UNAUTHENTICATED', { detail });
}
