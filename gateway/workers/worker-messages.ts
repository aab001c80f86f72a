import type { Code } from '@aduana/core/errors/error-codes';

/** What a worker asks the primary for. */
export type WorkerQuestion =
  | { readonly kind: 'rate'; readonly key: string; readonly limit: number; readonly windowMs: number }
  | { readonly kind: 'spend'; readonly id: string; readonly expiresAt: number }
  /** More places of a caller; answered by how many. */
  | { readonly kind: 'places'; readonly key: string }
  /** Places that the worker no longer needs. */
  | { readonly kind: 'return'; readonly key: string; readonly count: number }
  /** The metrics of all workers, as text. */
  | { readonly kind: 'metrics' }
  /** The worker serves. */
  | { readonly kind: 'started'; readonly url: string };

/** What the primary asks a worker for. */
export type PrimaryQuestion =
  /** The places of a caller that are not taken; the worker gives them up. */
  { readonly kind: 'recall'; readonly key: string } | { readonly kind: 'snapshot' };

/** What each end asks, and what it is asked. */
export interface ChannelEnds {
  readonly worker: { readonly asks: WorkerQuestion; readonly answers: PrimaryQuestion };
  readonly primary: { readonly asks: PrimaryQuestion; readonly answers: WorkerQuestion };
}

export type WorkerMessage =
  | { readonly aduana: 'question'; readonly id: number; readonly question: WorkerQuestion | PrimaryQuestion }
  | { readonly aduana: 'answer'; readonly id: number; readonly value: unknown }
  | {
      readonly aduana: 'failure';
      readonly id: number;
      readonly code: Code | undefined;
      readonly message: string;
    };
