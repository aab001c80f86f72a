import type { ServiceRequest } from '@aduana/core/http/route';

/** A cookie of the console; its value is 256 random bits, or a login under way, which is sealed. */
export type CookieName = 'session' | 'login';

const VALUES = { session: /^[A-Za-z0-9_-]{43}$/, login: /^[A-Za-z0-9_-]{1,2048}$/ } as const;
const LONGEST_HEADER = 8_192;

/** RFC 6265bis section 4.1.3.2: over TLS the prefix keeps other hosts and paths from setting it. */
function nameOf(cookie: CookieName, encrypted: boolean): string {
  return `${encrypted ? '__Host-' : ''}aduana-console-${cookie}`;
}

/** The value of a cookie of ours; undefined where it is absent, malformed or sent twice. */
export function readCookie(
  request: Pick<ServiceRequest, 'headers' | 'encrypted'>,
  cookie: CookieName,
): string | undefined {
  const { cookie: header = '' } = request.headers;
  if (header.length > LONGEST_HEADER) return undefined;
  const prefix = `${nameOf(cookie, request.encrypted)}=`;
  const values = header.split(';').flatMap((part) => {
    const pair = part.trim();
    return pair.startsWith(prefix) ? [pair.slice(prefix.length)] : [];
  });
  const [value] = values;
  return values.length === 1 && value !== undefined && VALUES[cookie].test(value) ? value : undefined;
}

/** The `Set-Cookie` header of the session: `Strict`, so that no other site's link or form brings it along. */
export function sessionCookie(value: string, encrypted: boolean): string {
  return attributes(`${nameOf('session', encrypted)}=${value}`, 'Strict', encrypted);
}

/** The cookie of a login that is under way at the provider, whose answer comes from another site. */
export function loginCookie(value: string, encrypted: boolean, seconds: number): string {
  return `${attributes(`${nameOf('login', encrypted)}=${value}`, 'Lax', encrypted)}; Max-Age=${String(seconds)}`;
}

export function clearedCookie(cookie: CookieName, encrypted: boolean): string {
  return `${attributes(`${nameOf(cookie, encrypted)}=`, 'Strict', encrypted)}; Max-Age=0`;
}

function attributes(pair: string, sameSite: 'Strict' | 'Lax', encrypted: boolean): string {
  return `${pair}; Path=/; HttpOnly; SameSite=${sameSite}${encrypted ? '; Secure' : ''}`;
}
