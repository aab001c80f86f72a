/** A place in a distributed trace (W3C Trace Context, section 3.2). */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** 16 lower-case hex digits: this service's own span. */
  readonly spanId: string;
  /** Whether the spans of this trace are recorded. */
  readonly sampled: boolean;
  /** The caller's span. */
  readonly parentSpanId?: string;
}

/** Whether a span is work of this service itself, a request that it answers, or a call to another service. */
export type SpanKind = 'internal' | 'server' | 'client';

/** A part of the work of one request, under way; names and attributes never hold what a client or a user wrote. */
export interface Span {
  /** What children and outgoing calls name as their parent. */
  readonly trace: TraceContext;
  rename(name: string): void;
  set(attribute: string, value: string | number | boolean): void;
  /** Names another trace that this work was done for as well. */
  link(trace: Pick<TraceContext, 'traceId' | 'spanId'>): void;
  /** @param errorType what went wrong, in a fixed word such as an error code; absent: nothing did */
  end(errorType?: string): void;
}

/** Where spans are begun; the implementation of OpenTelemetry is in server-kit, and a subgraph may hand in its own. */
export interface Tracer {
  /** False: no span is ever begun. */
  readonly enabled: boolean;
  /**
   * Whether a request's trace is recorded.
   *
   * @param parentSampled the flag of a caller whose flag counts
   */
  samples(trace: Pick<TraceContext, 'traceId' | 'spanId'>, parentSampled: boolean | undefined): boolean;
  /** Begins the span that `trace` names as its own: the one of a request. Undefined where it is not recorded. */
  startRequest(name: string, trace: TraceContext): Span | undefined;
  /** Begins a span beneath `parent`; undefined where that is not recorded. */
  start(name: string, parent: TraceContext, kind?: SpanKind): Span | undefined;
  /** Begins a recorded trace of its own. */
  startRoot(name: string, kind?: SpanKind): Span | undefined;
}

/** Records nothing and costs nothing; the flag of a caller whose flag counts is handed on. */
export const NO_TRACER: Tracer = {
  enabled: false,
  samples: (_trace, parentSampled = false) => parentSampled,
  startRequest: () => undefined,
  start: () => undefined,
  startRoot: () => undefined,
};
