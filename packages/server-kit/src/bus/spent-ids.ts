/** Remembers ids that may be used once. */
export interface SpentIds {
  /**
   * Marks an id as used until `expiresAt` (milliseconds since the epoch).
   *
   * @returns false when it was used before
   */
  spend(id: string, expiresAt: number): Promise<boolean> | boolean;
  /** `alone`: the ids should be shared between replicas and are not, so that each knows its own. */
  readonly state: 'ok' | 'alone';
  close(): Promise<void>;
}
