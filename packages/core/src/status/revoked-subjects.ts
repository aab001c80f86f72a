/** Until when the tokens of a subject were issued that count no more; what is over can be forgotten. */
export interface RevokedSubjects {
  add(entry: {
    readonly issuer: string;
    readonly subject: string;
    readonly notAfter: number;
    readonly until: number;
  }): void;
  has(issuer: string, subject: string, issuedAt: number): boolean;
  /** @param now seconds since the epoch */
  prune(now: number): void;
  readonly size: number;
}

/** An empty set. */
export function createRevokedSubjects(): RevokedSubjects {
  const known = new Map<string, { readonly notAfter: number; readonly until: number }>();
  const keyOf = (issuer: string, subject: string): string => JSON.stringify([issuer, subject]);
  return {
    add({ issuer, subject, notAfter, until }) {
      const key = keyOf(issuer, subject);
      const before = known.get(key);
      if (before === undefined || before.notAfter < notAfter) known.set(key, { notAfter, until });
    },
    has(issuer, subject, issuedAt) {
      if (known.size === 0) return false;
      const revoked = known.get(keyOf(issuer, subject));
      return revoked !== undefined && issuedAt <= revoked.notAfter;
    },
    prune(now) {
      for (const [key, { until }] of known) if (until < now) known.delete(key);
    },
    get size() {
      return known.size;
    },
  };
}
