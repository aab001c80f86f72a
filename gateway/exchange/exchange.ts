import type { StsClient } from '@aduana/client/sts/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { subjectAltNames } from '@aduana/core/mtls/subject-alt-names';
import { provePossession } from '@aduana/core/http/require-access-token';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims, AuthenticationMethod } from '@aduana/core/tokens/access-token';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import { requireBinding } from '@aduana/core/tokens/require-binding';
import type { VerifyDpopProof } from '@aduana/core/tokens/verify-dpop-proof';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { readUnverifiedClaims } from '@aduana/core/tokens/verify-signed-jwt';
import type { Authenticated, Caller, Delegated } from '../stages.ts';

export interface ExchangeOptions {
  readonly sts: StsClient;
  /** For tokens that the STS made for this gateway. */
  readonly verify: VerifyAccessToken;
  readonly verifyProof: VerifyDpopProof;
  /** The issuer identifier of the STS. */
  readonly issuer: string;
  /** What of a caller's claims the registry lets count now. */
  readonly limitClaims: (claims: AccessTokenClaims) => AccessTokenClaims;
  /** Issuers in `trusted_issuers.yaml`: a token of any other is not even carried to the STS. */
  readonly isTrustedIssuer: (issuer: string) => boolean;
  /** Whether the certificate's SPIFFE ID belongs to a registered service. */
  readonly isRegistered: (peer: PeerIdentity) => boolean;
}

interface Exchanged {
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
}

/** An exchanged token is bound to this gateway: whether the caller has proved anything is known from what it showed. */
interface ExchangedToken extends Exchanged {
  readonly provesPossession: boolean;
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
          await asCaller(options.sts.relayBasic(credential.header, request.remoteAddress, trace), options),
          'client_secret_basic',
          false,
        );
      case 'certificate':
        return delegated(
          await asCaller(options.sts.exchangeCertificate(credential.chain, trace), options),
          'x509_svid',
          true,
        );
      case 'bearer':
      case 'dpop': {
        const exchanged = await asCaller(exchangeToken(credential, request, options, trace), options);
        return delegated(exchanged, methodOf(exchanged.claims), exchanged.provesPossession);
      }
    }

    function delegated(
      { token, claims }: Exchanged,
      method: AuthenticationMethod,
      provesPossession: boolean,
    ): Delegated {
      const caller: Caller = {
        claims,
        subjectToken: token,
        method,
        provesPossession,
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
  trace: TraceContext,
): Promise<ExchangedToken> {
  const { peer } = request;
  const text = token.reveal();
  const actor = peer !== undefined && options.isRegistered(peer) ? peer : undefined;
  const { iss: issuer, cnf } = readUnverifiedClaims(text);
  // What is bound was sent by its holder: this gateway asks for that of a token of the STS, the STS of any other.
  const provesPossession = cnf !== undefined;
  if (issuer === options.issuer) {
    const verified = await options.verify(text);
    const dpop = { verify: options.verifyProof, url: endpointOf(request) };
    const dpopThumbprint = await provePossession(request, { scheme: kind, token: text }, dpop);
    requireBinding(verified, { certificateThumbprint: peer?.thumbprint, dpopThumbprint }, false);
    if (actor === undefined || isBoundTo(verified.claims, actor))
      return { token, claims: verified.claims, provesPossession };
  } else if (kind === 'dpop' || typeof issuer !== 'string' || !options.isTrustedIssuer(issuer))
    throw new SecurityError('invalid_token', { detail: 'the issuer is not trusted, or not for such tokens' });
  const { token: exchanged, claims } = await options.sts.exchangeBearer(token, actor?.chain, trace);
  return { token: exchanged, claims, provesPossession };
}

/** The endpoint as the client called it: its host name has been checked against those that are served. */
function endpointOf({ encrypted, headers, path }: ServiceRequest): string {
  return `${encrypted ? 'https' : 'http'}://${headers.host ?? ''}${path}`;
}

/** A service that shows its own bound token acts for itself: nobody is to be named as its actor. */
function isBoundTo(claims: AccessTokenClaims, peer: PeerIdentity): boolean {
  return claims.sub_kind === 'service' && claims.cnf?.['x5t#S256'] === peer.thumbprint;
}

function methodOf({ amr }: AccessTokenClaims): AuthenticationMethod {
  return (amr[0] ?? 'trusted_issuer') as AuthenticationMethod;
}

/**
 * The caller within the registry of this moment. What the STS or the registry holds against the credentials is a 401 to
 * the caller; that the STS is away is not.
 */
async function asCaller<Token extends Exchanged>(
  exchanged: Promise<Token>,
  { limitClaims }: Pick<ExchangeOptions, 'limitClaims'>,
): Promise<Token> {
  try {
    const known = await exchanged;
    return { ...known, claims: limitClaims(known.claims) };
  } catch (error) {
    if (!(error instanceof SecurityError) || error.status >= 500 || error.status === 429) throw error;
    throw new SecurityError('UNAUTHENTICATED', {
      detail: [error.code, error.detail].filter((part) => part !== undefined).join(': '),
      cause: error,
    });
  }
}
