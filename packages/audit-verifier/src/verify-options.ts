/** What is verified, and against what. */
export interface VerifyOptions {
  /**
   * Holds `entries.jsonl`, `checkpoint`, `vkey`; of a log that dropped entries also `minimum-index` and `dropped-hashes`;
   * with a time stamp also `timestamped-checkpoint` and `timestamp.tsr`.
   */
  readonly folder: string;
  /** A key that is known from elsewhere; else the folder's own. */
  readonly vkey?: string;
  /** An older note of the same log, which this one must continue. */
  readonly sinceFile?: string;
  /** The newest event may be this old at most. */
  readonly maxAgeSeconds?: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}
