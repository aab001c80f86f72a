/** Every source may tell of its own life. */
const ANY_SOURCE = ['source.start', 'source.stop', 'audit.gap'];

/** What each service of the house may write about; `x.*` covers all below `x`. */
const BY_PEER: Readonly<Record<string, readonly string[]>> = {
  gateway: ['request', 'request.intent', 'request.flood', 'authentication.*', 'document.*', 'supergraph.*', 'policy.*', 'certificate.*', 'limit.*'],
  sts: ['request.flood', 'token.*', 'key.*', 'secret.*', 'authentication.*', 'policy.*', 'status.*', 'issuer.*', 'certificate.*'],
  admin: ['service.*', 'secret.*', 'policy.*', 'certificate.*', 'access.*', 'role.*', 'key.*', 'status.*'],
  audit: ['audit.*', 'source.lost', 'request.unknown', 'pii.*', 'checkpoint.*', 'policy.*', 'certificate.*'],
}; // prettier-ignore

/** Services of others: what they decide for themselves, which nobody can take for a decision of the house. */
const OTHERS = ['app.*', 'authorization.*'];

/** Whether a peer may write events of a type: no service can forge another's decisions. */
export function mayWrite(peer: string, type: string): boolean {
  const own = Object.hasOwn(BY_PEER, peer) ? BY_PEER[peer] : undefined;
  return [...ANY_SOURCE, ...(own ?? []), ...OTHERS].some((allowed) =>
    allowed.endsWith('.*') ? type.startsWith(allowed.slice(0, -1)) : type === allowed,
  );
}
