import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { SecurityError } from '../errors/security-error.ts';
import { notAfterOf, profileProblem } from './leaf-problem.ts';
import { certificateThumbprint, type PeerIdentity, spiffeIdOf } from './peer-identity.ts';

const LONGEST_CHAIN = 5;

/**
 * The verified client at the other end of a server's connection; undefined where it showed no certificate.
 * Its `notAfter` must be asked again on each request: TLS does not verify a resumed session or an open connection.
 *
 * @throws SecurityError `UNAUTHENTICATED` for a certificate that was shown and does not verify
 */
export function readPeerIdentity(socket: TLSSocket, trustDomain: string): PeerIdentity | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return undefined;
  const problem = socket.authorized
    ? profileProblem(leaf, { trustDomain, usage: 'client' })
    : `does not verify (${String(socket.authorizationError)})`;
  if (problem !== undefined)
    throw new SecurityError('UNAUTHENTICATED', { detail: `the client's certificate ${problem}` });
  return {
    spiffeId: spiffeIdOf(leaf) ?? '',
    thumbprint: certificateThumbprint(leaf.raw),
    chain: shownChain(leaf),
    notAfter: notAfterOf(leaf),
  };
}

/** What the peer sent, without the root; a resumed session remembers the leaf alone. */
function shownChain(leaf: X509Certificate): Buffer[] {
  const chain = [leaf.raw];
  let issuer = leaf.issuerCertificate;
  while (issuer !== undefined && chain.length < LONGEST_CHAIN && !issuer.checkIssued(issuer)) {
    chain.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return chain;
}
