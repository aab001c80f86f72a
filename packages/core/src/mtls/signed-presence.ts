import { sign, verify, X509Certificate } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { verifyCertificateChain } from './verify-certificate-chain.ts';

/** Says in a place that others can write to that a replica of this service runs, and reads who else does. */
export interface Presence {
  /** What this replica leaves there now. */
  announce(): string;
  /** How many replicas announced themselves lately, among whatever else was found there. */
  count(found: readonly string[]): number;
}

/** Which replica announces itself, and how it proves that it belongs to the deployment. */
export interface SignedPresenceOptions {
  /** Of this replica among all. */
  readonly id: string;
  readonly identity: Pick<TlsIdentity, 'current'>;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** For how long an announcement counts. */
  readonly lifeMilliseconds: number;
}

const LARGEST_CHARACTERS = 16_384;
const LARGEST_SKEW_MS = 60_000;

/**
 * Announcements that are signed by the key of the service's certificate: whoever can write beside them, or repeat an old
 * one, adds no replica.
 */
export function createSignedPresence(options: SignedPresenceOptions): Presence {
  const { id, identity, clock } = options;
  return {
    announce() {
      const { chain, secureContextOptions } = identity.current();
      const { key } = secureContextOptions();
      const text = JSON.stringify([id, clock.now(), chain.map((der) => der.toString('base64'))]);
      const signature = sign(null, Buffer.from(text), key as string);
      return `${signature.toString('base64url')}.${text}`;
    },
    count(found) {
      const ids = new Set<string>();
      for (const announcement of found) {
        const announced = readAnnouncement(announcement, options);
        if (announced !== undefined) ids.add(announced);
      }
      return ids.size;
    },
  };
}

/** The id of a replica that announced itself lately; undefined for anything else. */
function readAnnouncement(
  announcement: string,
  { identity, trustDomain, clock, lifeMilliseconds }: SignedPresenceOptions,
): string | undefined {
  if (announcement.length > LARGEST_CHARACTERS) return undefined;
  const dot = announcement.indexOf('.');
  const text = announcement.slice(dot + 1);
  try {
    const [id, at, encoded] = JSON.parse(text) as [unknown, unknown, unknown];
    if (typeof id !== 'string' || typeof at !== 'number' || !Array.isArray(encoded)) return undefined;
    const age = clock.now() - at;
    if (age > lifeMilliseconds + LARGEST_SKEW_MS || age < -LARGEST_SKEW_MS) return undefined;
    const chain = encoded.map((der) => Buffer.from(String(der), 'base64'));
    const leaf = new X509Certificate(chain[0] ?? Buffer.alloc(0));
    const signature = Buffer.from(announcement.slice(0, dot), 'base64url');
    if (!verify(null, Buffer.from(text), leaf.publicKey, signature)) return undefined;
    const { authorities, spiffeId } = identity.current();
    const peer = verifyCertificateChain(chain, {
      authorities,
      trustDomain,
      usage: 'client',
      now: clock.now(),
    });
    return peer.spiffeId === spiffeId ? id : undefined;
  } catch {
    return undefined;
  }
}
