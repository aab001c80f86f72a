export const LEAD_STATUSES = ['NEW', 'CONTACTED', 'QUALIFIED', 'LOST'] as const;
export type LeadStatus = (typeof LEAD_STATUSES)[number];

/** A step of one lead, as replicas send it to each other. */
export interface LeadStep {
  readonly id: string;
  readonly status: LeadStatus;
  /** Milliseconds since the epoch. */
  readonly changedAt: number;
  readonly idempotencyKey: string;
}

export interface StepListener {
  /** Steps come in the same order at every replica. */
  onStep(step: LeadStep): void;
  /** Steps may have been missed. */
  onGap(): void;
}

/** Brings each step of a lead to all replicas. */
export interface StepChannel {
  listen(listener: StepListener): void;
  /**
   * Resolves when the step has come back to this replica.
   *
   * @throws SecurityError `NOT_READY` where it may have come to nobody
   */
  publish(step: LeadStep): Promise<void>;
  /** Whether steps come. */
  readonly isOpen: boolean;
  close(): void;
}

/** For one replica alone. */
export function createOwnChannel(): StepChannel {
  const listeners: StepListener[] = [];
  return {
    isOpen: true,
    listen: (listener) => void listeners.push(listener),
    publish(step) {
      for (const listener of listeners) listener.onStep(step);
      return Promise.resolve();
    },
    close: () => undefined,
  };
}
