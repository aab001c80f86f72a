import type { Code } from '@aduana/core/errors/error-codes';
import type { StepUp } from '@aduana/server-kit/iam/step-up';

/** Why a stream ends, as its `stream.close` event has it. */
export type EndReason =
  | 'complete'
  | 'client_left'
  | 'expired'
  | 'revoked'
  | 'refused'
  | 'subgraph'
  | 'slow_client'
  | 'too_many_messages'
  | 'lifetime'
  | 'unrecorded'
  | 'supergraph'
  | 'drain'
  | 'failed';

export interface StreamEnd {
  readonly reason: EndReason;
  /** What the client reads; undefined where there is nothing to deliver. */
  readonly code: Code | undefined;
  /** The login that would let it go on. */
  readonly stepUp?: StepUp;
}

/** Ends that are the caller's own, not those of one operation. */
export function endsCaller({ reason }: StreamEnd): boolean {
  return reason === 'expired' || reason === 'revoked';
}
