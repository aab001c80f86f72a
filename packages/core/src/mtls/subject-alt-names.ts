import { X509Certificate } from 'node:crypto';
import type { PeerIdentity } from './peer-identity.ts';

const known = new WeakMap<PeerIdentity, readonly string[]>();

/** The subject alternative names of a peer's certificate, as `DNS:name`, `URI:uri`; read once per connection. */
export function subjectAltNames(peer: PeerIdentity): readonly string[] {
  const before = known.get(peer);
  if (before !== undefined) return before;
  const [leaf] = peer.chain;
  const text = (leaf === undefined ? undefined : new X509Certificate(leaf).subjectAltName) ?? '';
  // Node quotes a name that holds a separator: no such certificate is taken at its word.
  const names = text === '' || text.includes('"') ? [] : text.split(', ');
  known.set(peer, names);
  return names;
}
