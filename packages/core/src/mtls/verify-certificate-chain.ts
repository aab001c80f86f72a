import { X509Certificate } from 'node:crypto';
import { SecurityError } from '../errors/security-error.ts';
import { leafProblem, type LeafRules, notAfterOf, notBeforeOf } from './leaf-problem.ts';
import { certificateThumbprint, type PeerIdentity, spiffeIdOf } from './peer-identity.ts';

const LONGEST_CHAIN = 5;

/** What a chain has to fulfil, and the CAs that it has to end at. */
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

/** Why no trusted CA vouches for a certificate, over these intermediates in any order; undefined: one does. */
export function pathProblem(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  { authorities, now }: Pick<ChainRules, 'authorities' | 'now'>,
): string | undefined {
  const signers = authorities
    .map((der) => new X509Certificate(der))
    .filter((root) => isIssuedBy(certificate, root));
  if (signers.some((root) => isValid(root, now))) return undefined;
  const above = intermediates.filter((candidate) => isIssuedBy(certificate, candidate));
  const issuer = above.find((candidate) => isValid(candidate, now));
  if (issuer !== undefined) {
    const others = intermediates.filter((other) => other !== issuer);
    return pathProblem(issuer, others, { authorities, now });
  }
  return signers.length + above.length > 0
    ? 'is signed by a CA outside its validity'
    : 'is not signed by a trusted CA';
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValid(authority: X509Certificate, now: number): boolean {
  return now >= notBeforeOf(authority) && now < notAfterOf(authority);
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
