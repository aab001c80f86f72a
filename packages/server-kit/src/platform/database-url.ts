import { parseMultiHostUrl } from './multi-host-url.ts';

/** What a session must be able to do, in libpq's words: `any` asks nothing. */
export type TargetSession = 'any' | 'read-write' | 'primary';

/** The servers of one database, in the order in which they are tried. */
export interface DatabaseServers {
  /** One URL per host; may hold a password. */
  readonly urls: readonly string[];
  readonly session: TargetSession;
  /** Per server. */
  readonly connectTimeoutMilliseconds: number;
}

const SCHEMES = ['postgres:', 'postgresql:'];
const CONNECT_TIMEOUT_SECONDS = 3;
const MOST_CONNECT_TIMEOUT_SECONDS = 10;
/** The parameters that the driver takes from a URL; another one would be ignored in silence. */
const DRIVER_PARAMETERS = [
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'ssl',
  'uselibpqcompat',
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'host',
  'port',
  'user',
  'password',
];
const OWN_PARAMETERS = ['target_session_attrs', 'connect_timeout'];
const KNOWN_PARAMETERS = new Set([...DRIVER_PARAMETERS, ...OWN_PARAMETERS]);

/**
 * The servers of a URL in which `databaseUrlProblem` finds none.
 *
 * @throws TypeError for another
 */
export function databaseServers(url: string): DatabaseServers {
  const servers = parseDatabaseUrl(url);
  if (typeof servers === 'string') throw new TypeError(`the database's URL ${servers}`);
  return servers;
}

/** The database that a URL names; PostgreSQL takes the user's name where it names none. */
export function databaseNameOf(url: string): string {
  const { pathname } = new URL(databaseServers(url).urls[0] ?? '');
  return decodeURIComponent(pathname.slice(1)) || databaseUserOf(url) || 'postgres';
}

/** The user of a URL, `''` where it names none. */
export function databaseUserOf(url: string): string {
  return decodeURIComponent(new URL(databaseServers(url).urls[0] ?? '').username);
}

/** What is wrong with a URL, without any part of it that may be secret. */
export function databaseUrlProblem(url: string): string | undefined {
  const servers = parseDatabaseUrl(url);
  return typeof servers === 'string' ? servers : undefined;
}

/** @returns a problem where the form is not understood */
function parseDatabaseUrl(text: string): DatabaseServers | string {
  const urls = parseMultiHostUrl(text);
  const scheme = urls?.[0].protocol ?? '';
  if (urls === undefined || !SCHEMES.includes(scheme))
    return 'is no URL that begins with postgres:// or postgresql://, such as postgres://user@host1:5432,host2:5432/database';
  const { searchParams: parameters } = urls[0];
  const unknown = [...parameters.keys()].find((name) => !KNOWN_PARAMETERS.has(name));
  if (unknown !== undefined)
    return `has a parameter that is not understood; remove all but ${[...KNOWN_PARAMETERS].join(', ')}`;
  if ((parameters.get('host') ?? '').includes(','))
    return 'names several hosts as a parameter; write them before the path, as host1:5432,host2:5432';
  const session = targetSession(parameters.get('target_session_attrs'), urls.length);
  if (session === undefined)
    return 'asks by target_session_attrs for a server that may take no writes; set read-write or primary';
  const seconds = Number(parameters.get('connect_timeout') ?? CONNECT_TIMEOUT_SECONDS);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MOST_CONNECT_TIMEOUT_SECONDS)
    return `has a connect_timeout that is no whole number of 1 to ${String(MOST_CONNECT_TIMEOUT_SECONDS)} seconds`;
  for (const url of urls) for (const name of OWN_PARAMETERS) url.searchParams.delete(name);
  // a single server's URL reaches the driver as it was written
  const written = urls.length === 1 && !OWN_PARAMETERS.some((name) => parameters.has(name));
  return {
    urls: written ? [text] : urls.map(({ href }) => href),
    session,
    connectTimeoutMilliseconds: seconds * 1000,
  };
}

/** The services write: of several servers they want the one that takes writes, unless the URL says how to know it. */
function targetSession(asked: string | null, hosts: number): TargetSession | undefined {
  if (asked === 'read-write' || asked === 'primary') return asked;
  if (asked === null) return hosts > 1 ? 'read-write' : 'any';
  return asked === 'any' && hosts === 1 ? 'any' : undefined;
}
