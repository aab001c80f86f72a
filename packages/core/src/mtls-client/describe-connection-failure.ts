import { types } from 'node:util';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no connection in time',
  ECONNRESET: 'the other side closed the connection; it may refuse the certificate shown',
  EPIPE: 'the other side closed the connection; it may refuse the certificate shown',
  UND_ERR_SOCKET: 'the other side closed the connection; it may refuse the certificate shown',
  UND_ERR_CLOSED: 'this client is closed',
  UND_ERR_DESTROYED: 'this client is closed',
};

/** What went wrong on the way to a callee, in words for the log: with TLS 1.3 a refused client sees no more than a closed connection. */
export function describeConnectionFailure(error: unknown): string {
  if (!types.isNativeError(error)) return 'the call failed';
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error.message;
  const reason = REASONS[code];
  if (reason !== undefined) return `${reason} (${code})`;
  if (/^ERR_SSL_.*ALERT/.test(code)) return `the other side refused the TLS handshake (${code})`;
  if (/CERT|SELF_SIGNED|CRL|ISSUER|^INVALID_|^PATH_LENGTH|^UNABLE_|^UNSPECIFIED$/.test(code))
    return `the callee's certificate does not verify (${code})`;
  return `the call failed (${code})`;
}
