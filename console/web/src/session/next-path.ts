/** Where to go after the login: a path of this origin, and nothing else. */
export function nextPath(search: string, origin: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  if (!URL.canParse(next, origin)) return '/';
  const url = new URL(next, origin);
  // A path that begins with two slashes names another host.
  const isHere = url.origin === origin && !url.pathname.startsWith('//');
  return isHere && !url.pathname.startsWith('/login') ? url.pathname + url.search : '/';
}
