/** The identifiers of RFC 8693 section 2.1 and 3, and those of the deployment. */
export const GRANT_CLIENT_CREDENTIALS = 'client_credentials';
/** The `grant_type` of a token exchange (RFC 8693 section 2.1). */
export const GRANT_TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** The type of an OAuth access token (RFC 8693 section 3). */
export const TOKEN_TYPE_ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
/** The type of any other JWT (RFC 8693 section 3). */
export const TOKEN_TYPE_JWT = 'urn:ietf:params:oauth:token-type:jwt';
/** A verified client certificate: the DER certificates of its chain in base64url, leaf first, joined by dots. */
export const TOKEN_TYPE_X509_SVID = 'urn:aduana:token-type:x509-svid';

/** RFC 7523 section 2.2. */
export const ASSERTION_TYPE_JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const MAX_CHAIN_LENGTH = 8;

/** A certificate chain as a `subject_token` of type x509-svid. */
export function encodeCertificateChain(chain: readonly Buffer[]): string {
  return chain.map((der) => der.toString('base64url')).join('.');
}

/** The DER certificates of an x509-svid token; undefined where it is none. */
export function decodeCertificateChain(token: string): readonly Buffer[] | undefined {
  const parts = token.split('.');
  if (parts.length > MAX_CHAIN_LENGTH || !parts.every((part) => /^[A-Za-z0-9_-]{64,16384}$/.test(part)))
    return undefined;
  return parts.map((part) => Buffer.from(part, 'base64url'));
}
