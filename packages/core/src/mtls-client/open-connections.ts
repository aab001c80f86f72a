import { Pool } from 'undici';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Clock } from '../platform/clock.ts';
import { createMtlsConnector, type MtlsConnector } from './connect-mtls.ts';
import type { SecurePeerOptions } from './secure-peer.ts';

/** The connections to one peer under one generation of our certificate. */
export interface Connections {
  readonly pool: Pool;
  /** Undefined: plain HTTP. */
  readonly connector: MtlsConnector | undefined;
}

export interface ConnectionRules {
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  isCertificateRevoked(thumbprint: string): boolean;
}

export function openConnections(peer: SecurePeerOptions, rules: ConnectionRules): Connections {
  const { origin, spiffeId, clientCertificate = true, connectTimeoutMilliseconds = 3000 } = peer;
  const secure = new URL(origin).protocol === 'https:';
  const connector = secure
    ? createMtlsConnector({
        generation: rules.identity.current(),
        spiffeId,
        showCertificate: clientCertificate,
        timeoutMilliseconds: connectTimeoutMilliseconds,
        clock: rules.clock,
        isCertificateRevoked: rules.isCertificateRevoked,
      })
    : undefined;
  const pool = new Pool(origin, {
    connect: connector?.connect ?? { timeout: connectTimeoutMilliseconds },
    connections: peer.maxConnections ?? 128,
    pipelining: 1,
    headersTimeout: 0, // `deadlines` bounds the whole call
    bodyTimeout: 0,
  });
  return { pool, connector };
}
