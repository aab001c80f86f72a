export interface RateVerdict {
  readonly allowed: boolean;
  /** When the next one would be allowed; 0 for an allowed one. */
  readonly retryAfterMilliseconds: number;
}

/** Counts what each key does, and allows at most `limit` of it within any span of `windowMilliseconds`. */
export interface RateCounter {
  /** Counts one if it is allowed; a refused one does not count. */
  take(key: string, limit: number, windowMilliseconds: number): Promise<RateVerdict>;
  /** `alone`: the count should be shared between replicas and is not, so that each has a share of the limit. */
  readonly state: 'ok' | 'alone';
  /** How many replicas were last seen to count, this one included. */
  readonly replicas: number;
  close(): Promise<void>;
}
