import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { types } from 'node:util';
import { certificateThumbprint } from './peer-identity.ts';

/** A connection that ended because of the certificate shown, or of one that was not. */
export interface ConnectionRefusal {
  readonly reason: string;
  /** Of the certificate shown, whether or not it is worth anything. */
  readonly thumbprint: string | null;
  readonly address: string;
}

/** Who leaves during the handshake says nothing about certificates. */
const DEPARTURES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_TLS_HANDSHAKE_TIMEOUT']);

/** Describes the end of a TLS handshake; undefined where the client just left. */
export function describeHandshakeFailure(error: unknown, socket: TLSSocket): ConnectionRefusal | undefined {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const authorization = socket.authorizationError as unknown; // typed as Error, but a code such as CERT_HAS_EXPIRED
  if (typeof authorization === 'string')
    return describeRefusal(`the client's certificate does not verify (${authorization})`, socket);
  if (DEPARTURES.has(code)) return undefined;
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    return describeRefusal('the client showed no certificate', socket);
  return describeRefusal(`the TLS handshake failed (${code})`, socket);
}

/** A refused connection, for the log and the audit log. */
export function describeRefusal(reason: string, socket: TLSSocket): ConnectionRefusal {
  const shown = socket.getPeerX509Certificate();
  return {
    reason,
    thumbprint: shown === undefined ? null : certificateThumbprint(shown.raw),
    address: addressBeneath(socket),
  };
}

/**
 * The other end as the TCP connection has it. It knows whom a balancer forwards, and still knows it where Node has taken the
 * TLS connection apart.
 */
export function addressBeneath(socket: TLSSocket): string {
  const { _parent: beneath } = socket as { readonly _parent?: Socket };
  return beneath?.remoteAddress ?? socket.remoteAddress ?? 'unknown';
}

/** The reason of an error that `readPeerIdentity` throws. */
export function refusalReason(error: unknown): string {
  const { detail } = error as { detail?: unknown };
  if (typeof detail === 'string') return detail;
  return types.isNativeError(error) ? error.message : 'the client certificate cannot be used';
}
