import { constants, X509Certificate } from 'node:crypto';
import { type ConnectionOptions, createSecureContext, type TlsOptions } from 'node:tls';
import { sha256Hex } from '../platform/digest.ts';
import { profileProblem } from './leaf-problem.ts';
import { spiffeIdOf } from './peer-identity.ts';
import type { TlsGeneration } from './tls-identity.ts';

/** Authenticated encryption with forward secrecy only (RFC 9325 section 4.2). */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');
const GROUPS = 'X25519:prime256v1:secp384r1';

/**
 * `none`: MTLS_ENABLED=false. `request`: MTLS_MODE=permissive; the handshake passes without a certificate and with a
 * bad one, which `readPeerIdentity` then refuses. `require`: MTLS_MODE=strict; TLS itself refuses both.
 */
export type ClientCertificates = 'none' | 'request' | 'require';

/** What a server asks of its clients on the TLS level. */
export interface ServerTlsRules {
  readonly clientCertificates: ClientCertificates;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** For `https.createServer` and `setSecureContext`. */
export function serverTlsOptions(generation: TlsGeneration, rules: ServerTlsRules): TlsOptions {
  return {
    ...generation.secureContextOptions(),
    requestCert: rules.clientCertificates !== 'none',
    rejectUnauthorized: rules.clientCertificates === 'require',
    minVersion: rules.minVersion,
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    ecdhCurve: GROUPS,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION, // TLS 1.2 (RFC 9325 section 3.5): who a connection is stays as it was
    ALPNProtocols: ['http/1.1'],
    sessionIdContext: sha256Hex(generation.spiffeId).slice(0, 32),
    sessionTimeout: 300,
    handshakeTimeout: 10_000,
  };
}

/**
 * For `tls.connect`: the callee is known by its SPIFFE ID, whatever host name or address leads to it.
 *
 * @param showCertificate false: the caller stays anonymous on the TLS level
 */
export function clientTlsOptions(
  generation: TlsGeneration,
  calleeSpiffeId: string,
  showCertificate = true,
): ConnectionOptions {
  const { ca, ...own } = generation.secureContextOptions();
  const secureContext = createSecureContext({
    ...(showCertificate ? own : {}),
    ca,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  });
  const last: { fitting?: Buffer } = {}; // reading a certificate costs as much as verifying two signatures
  return {
    secureContext, // made once: it costs as much as a resumed handshake
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity(_host, { raw }) {
      if (last.fitting?.equals(raw) === true) return undefined;
      const problem = calleeProblem(new X509Certificate(raw), calleeSpiffeId);
      if (problem === undefined) last.fitting = raw;
      return problem;
    },
  };
}

function calleeProblem(leaf: X509Certificate, expected: string): Error | undefined {
  const [, trustDomain = ''] = /^spiffe:\/\/([^/]+)\//.exec(expected) ?? [];
  const problem =
    profileProblem(leaf, { trustDomain, usage: 'server' }) ??
    (spiffeIdOf(leaf) === expected ? undefined : 'names another service');
  return problem === undefined ? undefined : new Error(`the callee's certificate ${problem}`);
}
