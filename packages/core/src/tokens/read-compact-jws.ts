/** The header of a compact JWS whose form has been checked, before any key is looked for. */
export interface JwsHeader {
  readonly alg: string;
  /** Empty where the key is embedded. */
  readonly kid: string;
  /** Lower case, without `application/` (RFC 7515 section 4.1.9). */
  readonly typ: string | undefined;
  /** Only where an embedded key is asked for. */
  readonly jwk?: unknown;
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_LENGTH = 16_384;
const MAX_KID_LENGTH = 256;
/** Members by which a token would choose its own key or the meaning of its own signature. */
const REFUSED_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

/**
 * Reads the protected header of a compact JWS (RFC 7515 section 7.1) strictly: three parts in canonical base64url, no
 * white space, bounded length, no key of its own, no critical extensions.
 *
 * @param key `embedded` for a DPoP proof, whose header carries its own key
 * @returns the header, or in a few words why it is refused
 */
export function readCompactJws(
  token: string,
  key: 'known' | 'embedded' = 'known',
): JwsHeader | { readonly refused: string } {
  if (token.length > MAX_LENGTH) return { refused: 'too large' };
  if (!COMPACT.test(token)) return { refused: 'not a compact JWS' };
  const parts = token.split('.');
  if (!parts.every(isCanonicalBase64url)) return { refused: 'base64url is not canonical' };
  const header = parseObject(parts[0] ?? '');
  if (header === undefined) return { refused: 'the header is no JSON object' };
  const refused = REFUSED_MEMBERS.find(
    (member) => member in header && !(key === 'embedded' && member === 'jwk'),
  );
  if (refused !== undefined) return { refused: `header member ${refused}` };
  const { alg, kid = key === 'embedded' ? '' : undefined, typ, jwk } = header;
  if (typeof alg !== 'string') return { refused: 'no algorithm' };
  if (typeof kid !== 'string' || (kid === '' && key === 'known') || kid.length > MAX_KID_LENGTH)
    return { refused: 'no usable kid' };
  if (typ !== undefined && typeof typ !== 'string') return { refused: 'typ is no string' };
  const mediaType = typ?.toLowerCase().replace(/^application\//, '');
  return { alg, kid, typ: mediaType, ...(key === 'embedded' ? { jwk } : {}) };
}

function isCanonicalBase64url(text: string): boolean {
  const rest = text.length % 4;
  if (rest === 1) return false;
  if (rest === 0) return true;
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(text.at(-1) ?? '');
  return (last & (rest === 2 ? 0b1111 : 0b11)) === 0;
}

function parseObject(base64url: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
