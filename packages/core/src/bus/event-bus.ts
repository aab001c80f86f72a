/**
 * Wakes the readers of what has changed; a message has no content, so a forged or a lost one does no harm.
 * Every reader also polls.
 */
export interface EventBus {
  /** Never throws and never waits: a bus that is away only means that readers poll. */
  publish(topic: string): void;
  subscribe(topic: string, listener: () => void): () => void;
  readonly connected: boolean;
  close(): Promise<void>;
}
