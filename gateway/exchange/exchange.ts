import type { StsClient } from '@aduana/client/sts/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
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
  readonly clock: Clock;
}

interface Exchanged {
  readonly token: Secret;
  readonly claims: AccessTokenClaims;
}

/** An exchanged token is bound to this gateway: whether the caller has proved anything is known from what it showed. */
interface ExchangedToken extends Exchanged {
  readonly provesPossession: boolean;
}

/** What a token says before anything of it has been verified. */
interface Claimed {
  readonly issuer: unknown;
  /** Whether it is bound to something. */
  readonly isBound: boolean;
}

/** What verified tokens of the STS claim, so that it need not be read out of them again. */
type OwnTokens = BoundedCache<Claimed>;

const OWN_TOKENS_KEPT = 10_000;

export type Exchange = (authenticated: Authenticated, request: ServiceRequest) => Promise<Delegated>;

/**
 * Turns what the caller showed into an STS-signed token for the gateway (RFC 8693): relayed once for Basic, exchanged
 * for a certificate or a trusted issuer's token, verified in place for a token of the STS.
 *
 * @throws SecurityError `UNAUTHENTICATED` for credentials that do not hold, `STS_UNAVAILABLE` or `STATUS_UNAVAILABLE`
 */
export function createExchange(options: ExchangeOptions): Exchange {
  const own: OwnTokens = createBoundedCache(options.clock, OWN_TOKENS_KEPT);
  const tokenOptions = { ...options, own };
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
        const exchanged = await asCaller(exchangeToken(credential, request, tokenOptions, trace), options);
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
  options: ExchangeOptions & { readonly own: OwnTokens },
  trace: TraceContext,
): Promise<ExchangedToken> {
  const { peer } = request;
  const { own } = options;
  const text = token.reveal();
  const actor = peer !== undefined && options.isRegistered(peer) ? peer : undefined;
  const known = own.get(text);
  const claimed = known ?? readClaimed(text);
  const { issuer } = claimed;
  // What is bound was sent by its holder: this gateway asks for that of a token of the STS, the STS of any other.
  const provesPossession = claimed.isBound;
  if (issuer === options.issuer) {
    const verified = await options.verify(text);
    if (known === undefined) own.set(text, claimed, verified.claims.exp * 1000);
    const dpopThumbprint =
      kind === 'dpop'
        ? await provePossession(
            request,
            { scheme: kind, token: text },
            { verify: options.verifyProof, url: endpointOf(request) },
            verified.claims.cnf?.jkt,
          )
        : undefined;
    requireBinding(verified, { certificateThumbprint: peer?.thumbprint, dpopThumbprint }, false);
    if (actor === undefined || isBoundTo(verified.claims, actor))
      return { token, claims: verified.claims, provesPossession };
  } else if (kind === 'dpop' || typeof issuer !== 'string' || !options.isTrustedIssuer(issuer))
    throw new SecurityError('invalid_token', { detail: 'the issuer is not trusted, or not for such tokens' });
  const { token: exchanged, claims } = await options.sts.exchangeBearer(token, actor?.chain, trace);
  return { token: exchanged, claims, provesPossession };
}

function readClaimed(token: string): Claimed {
  const { iss: issuer, cnf } = readUnverifiedClaims(token);
  return { issuer, isBound: cnf !== undefined };
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
