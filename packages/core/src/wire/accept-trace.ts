import type { PeerIdentity } from '../mtls/peer-identity.ts';
import { NO_TRACER, type TraceContext, type Tracer } from '../platform/tracer.ts';
import { parseTraceContext } from './trace-context.ts';

/** How a listener takes the traces of its callers. */
export interface TraceAcceptance {
  readonly tracer: Tracer;
  /** Whether this caller may decide that its requests are recorded. */
  readonly honoursFlag: (peer: PeerIdentity) => boolean;
}

/** Nothing is recorded, and nobody's flag counts. */
export const NO_TRACES: TraceAcceptance = { tracer: NO_TRACER, honoursFlag: () => false };

/** Continues a caller's trace, or begins one; only the flag of a caller whose flag counts is taken over. */
export function acceptTrace(
  traceparent: string | undefined,
  peer: PeerIdentity | undefined,
  { tracer, honoursFlag }: TraceAcceptance,
): TraceContext {
  const trace = parseTraceContext(traceparent);
  const counts = trace.parentSpanId !== undefined && peer !== undefined && honoursFlag(peer);
  const sampled = tracer.samples(trace, counts ? trace.sampled : undefined);
  return sampled === trace.sampled ? trace : { ...trace, sampled };
}
