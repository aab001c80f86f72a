const MOST_HOSTS = 16;

/**
 * A URL whose authority may name several hosts between commas, as libpq and Redis Sentinel have it, as one URL per host;
 * undefined when it is none. No host is left out.
 */
export function parseMultiHostUrl(text: string): readonly [URL, ...URL[]] | undefined {
  const start = text.indexOf('://') + 3;
  if (start < 3) return undefined;
  const end = start + lengthOfAuthority(text.slice(start));
  const authority = text.slice(start, end);
  const credentials = authority.slice(0, authority.lastIndexOf('@') + 1);
  const hosts = authority.slice(credentials.length).split(',');
  if (hosts.length > MOST_HOSTS || (hosts.length > 1 && hosts.includes(''))) return undefined;
  const urls = hosts.map((host) => `${text.slice(0, start)}${credentials}${host}${text.slice(end)}`);
  const [first, ...others] = urls.map((url) => (URL.canParse(url) ? new URL(url) : undefined));
  if (first === undefined || others.includes(undefined)) return undefined;
  return [first, ...others.filter((url) => url !== undefined)];
}

function lengthOfAuthority(rest: string): number {
  const end = rest.search(/[/?#]/);
  return end < 0 ? rest.length : end;
}
