import type { StsClient } from '@aduana/core/client/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { subjectAltNames } from '@aduana/core/mtls/subject-alt-names';
import { provePossession } from '@aduana/core/http/require-access-token';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims, AuthenticationMethod } from '@aduana/core/tokens/access-token';
import { requireBinding } from '@aduana/core/tokens/require-binding';
import type { VerifyDpopProof } from '@aduana/core/tokens/verify-dpop-proof';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { Authenticated, Caller, Delegated } from './stages.ts';

export interface ExchangeOptions {
  readonly sts: StsClient;
  /** For tokens that the STS made for this gateway. */
  readonly verify: VerifyAccessToken;
  readonly verifyProof: VerifyDpopProof;
  /** The issuer identifier of the STS. */
  readonly issuer: string;
  /** Issuers in `trusted_issuers.yaml`: a token of any other is not even carried to the STS. */
  readonly isTrustedIssuer: (issuer: string) => boolean;
  /** Whether the certificate's SPIFFE ID belongs to a registered service. */
  readonly isRegistered: (peer: PeerIdentity) => boolean;
}

interface Exchanged {
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
}

export type Exchange = (authenticated: Authenticated, request: ServiceRequest) => Promise<Delegated>;

/**
 * Turns what the caller showed into an STS-signed token for the gateway (RFC 8693): relayed once for Basic, exchanged
 * for a certificate or a trusted issuer's token, verified in place for a token of the STS.
 *
 * @throws SecurityError `UNAUTHENTICATED` for credentials that do not hold, `STS_UNAVAILABLE` or `STATUS_UNAVAILABLE`
 */
export function createExchange(options: ExchangeOptions): Exchange {
  return async ({ credential, trace }, request) => {
    const { peer } = request;
    switch (credential.kind) {
      case 'basic':
        return delegated(
          await asCaller(options.sts.relayBasic(credential.header, request.remoteAddress)),
          'client_secret_basic',
        );
      case 'certificate':
        return delegated(await asCaller(options.sts.exchangeCertificate(credential.chain)), 'x509_svid');
      case 'bearer':
      case 'dpop': {
        const exchanged = await asCaller(exchangeToken(credential, request, options));
        return delegated(exchanged, methodOf(exchanged.claims));
      }
    }

    function delegated({ token, claims }: Exchanged, method: AuthenticationMethod): Delegated {
      const caller: Caller = {
        claims,
        subjectToken: token,
        method,
        certificateThumbprint: peer?.thumbprint,
        spiffeId: peer?.spiffeId,
        subjectAltNames: peer && subjectAltNames(peer),
        address: request.remoteAddress,
      };
      return { stage: 'delegated', caller, trace };
    }
  };
}

async function exchangeToken(
  { kind, token }: Extract<Authenticated['credential'], { readonly kind: 'bearer' | 'dpop' }>,
  request: ServiceRequest,
  options: ExchangeOptions,
): Promise<Exchanged> {
  const { peer } = request;
  const text = token.reveal();
  const actor = peer !== undefined && options.isRegistered(peer) ? peer : undefined;
  const issuer = claimedIssuer(text);
  if (issuer === options.issuer) {
    const verified = await options.verify(text);
    const dpop = { verify: options.verifyProof, url: endpointOf(request) };
    const dpopThumbprint = await provePossession(request, { scheme: kind, token: text }, dpop);
    requireBinding(verified, { certificateThumbprint: peer?.thumbprint, dpopThumbprint }, false);
    if (actor === undefined || isBoundTo(verified.claims, actor)) return { token, claims: verified.claims };
  } else if (kind === 'dpop' || issuer === undefined || !options.isTrustedIssuer(issuer))
    throw new SecurityError('invalid_token', { detail: 'the issuer is not trusted, or not for such tokens' });
  return options.sts.exchangeBearer(token, actor?.chain);
}

/** The endpoint as the client called it: its host name has been checked against those that are served. */
function endpointOf({ encrypted, headers, path }: ServiceRequest): string {
  return `${encrypted ? 'https' : 'http'}://${headers.host ?? ''}${path}`;
}

/** A service that shows its own bound token acts for itself: nobody is to be named as its actor. */
function isBoundTo(claims: AccessTokenClaims, peer: PeerIdentity): boolean {
  return claims.sub_kind === 'service' && claims.cnf?.['x5t#S256'] === peer.thumbprint;
}

/** The `iss` that an unverified token claims: it chooses who verifies it, and nothing else. */
function claimedIssuer(token: string): string | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { iss } = payload as { iss?: unknown };
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

function methodOf({ amr }: AccessTokenClaims): AuthenticationMethod {
  return (amr[0] ?? 'trusted_issuer') as AuthenticationMethod;
}

/** What the STS holds against the credentials is a 401 to the caller; that it is away is not. */
async function asCaller(exchanged: Promise<Exchanged>): Promise<Exchanged> {
  try {
    return await exchanged;
  } catch (error) {
    if (!(error instanceof SecurityError) || error.status >= 500 || error.status === 429) throw error;
    throw new SecurityError('UNAUTHENTICATED', {
      detail: [error.code, error.detail].filter((part) => part !== undefined).join(': '),
      cause: error,
    });
  }
}
