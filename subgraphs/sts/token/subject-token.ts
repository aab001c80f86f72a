import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Service } from '@aduana/server-kit/iam/policy';
import { verifyCertificateChain } from '@aduana/core/mtls/verify-certificate-chain';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import type { StatusView } from '@aduana/core/status/status-entry';
import {
  decodeCertificateChain,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { readUnverifiedClaims } from '@aduana/core/tokens/verify-signed-jwt';
import type { VerifyForeignToken } from './foreign-token.ts';
import type { Subject } from './subject.ts';

export interface SubjectTokenOptions {
  readonly issuer: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly status: StatusView;
  /** Of the STS's own tokens, whatever their audience. */
  readonly verify: VerifyAccessToken;
  readonly verifyForeign: VerifyForeignToken;
  /** DER of the trusted CAs. */
  readonly authorities: () => readonly Buffer[];
}

/**
 * Verifies a subject or actor token for this requester (RFC 8693 section 2.1): an access token that is addressed to it
 * or was issued for it, a JWT of a trusted issuer, or a certificate chain where it may present one.
 *
 * @throws SecurityError `invalid_request` (RFC 8693 section 2.2.2)
 */
export async function verifySubjectToken(
  token: string,
  type: string,
  requester: Service,
  options: SubjectTokenOptions,
): Promise<Subject> {
  if (type === TOKEN_TYPE_X509_SVID) return verifySvid(token, requester, options);
  if (type !== TOKEN_TYPE_ACCESS_TOKEN && type !== TOKEN_TYPE_JWT)
    throw refuse('the type of the token is not supported');
  const { iss: issuer } = readUnverifiedClaims(token);
  if (typeof issuer !== 'string') throw refuse('no JWT with an issuer');
  try {
    if (issuer !== options.issuer) return await options.verifyForeign(token, issuer);
    const { claims, scopes } = await options.verify(token);
    if (claims.aud !== requester.id && claims.client_id !== requester.id)
      throw refuse('the token is neither addressed to nor issued for the requester');
    const { sub, sub_iss, sub_kind, roles, amr, auth_time, acr, act } = claims;
    return {
      sub,
      sub_iss,
      sub_kind,
      roles,
      amr,
      auth_time,
      ...(acr === undefined ? {} : { acr }),
      ...(act === undefined ? {} : { act }),
      within: scopes,
      expiresAt: claims.exp,
      rootJti: claims.root_jti,
      rootIat: claims.root_iat ?? claims.iat,
      originJti: claims.origin_jti,
    };
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'invalid_token')
      throw refuse(error.detail ?? '', error);
    throw error;
  }
}

function verifySvid(token: string, requester: Service, options: SubjectTokenOptions): Subject {
  const { clock, engine, status, trustDomain, authorities, issuer } = options;
  if (requester.exchange?.subjects.includes('x509_svid') !== true)
    throw refuse('the requester may not present certificates of others');
  const chain = decodeCertificateChain(token);
  if (chain === undefined) throw refuse('no certificate chain');
  const peer = verifyChain();
  if (status.isCertificateRevoked(peer.thumbprint)) throw refuse('the certificate is revoked');
  const service = engine.serviceBySpiffeId(peer.spiffeId);
  if (service === undefined) throw refuse('the certificate names no registered service');
  if (status.isServiceSuspended(service.id)) throw refuse('the service is suspended');
  return {
    sub: service.id,
    sub_iss: issuer,
    sub_kind: 'service',
    roles: service.roles,
    amr: ['x509_svid'],
    auth_time: epochSeconds(clock),
    within: undefined,
    expiresAt: Math.floor(peer.notAfter / 1000),
    rootJti: undefined,
    rootIat: undefined,
    originJti: undefined,
    certificateThumbprint: peer.thumbprint,
  };

  function verifyChain() {
    try {
      const rules = { authorities: authorities(), trustDomain, usage: 'client', now: clock.now() } as const;
      return verifyCertificateChain(chain ?? [], rules);
    } catch (error) {
      throw refuse(error instanceof SecurityError ? (error.detail ?? error.code) : 'the certificate', error);
    }
  }
}

function refuse(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('invalid_request', { detail, cause });
}
