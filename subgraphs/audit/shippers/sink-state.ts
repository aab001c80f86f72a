export interface SinkState {
  readonly name: string;
  /** Events up to here, not including it, are acknowledged. */
  readonly cursor: number;
  readonly lag: number;
  readonly lastError: string | null;
}
