import { random } from '@aduana/core/platform/ids';
import type { Span, SpanKind, TraceContext, Tracer } from '@aduana/core/platform/tracer';
import {
  type Context,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  SpanStatusCode,
  trace as traceApi,
  TraceFlags,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  type IdGenerator,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

const KINDS: Readonly<Record<SpanKind, OtelSpanKind>> = {
  internal: OtelSpanKind.INTERNAL,
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
};
const LIMITS = {
  attributeValueLengthLimit: 256,
  attributeCountLimit: 32,
  linkCountLimit: 128,
  eventCountLimit: 0,
};

/** Hands out the ids that a request has already: its audit event names the same span. */
class RequestIds implements IdGenerator {
  #chosen: TraceContext | undefined;

  choose(trace: TraceContext): void {
    this.#chosen = trace;
  }

  generateSpanId(): string {
    const id = this.#chosen?.spanId ?? random(8).toString('hex');
    if (this.#chosen?.parentSpanId !== undefined) this.#chosen = undefined;
    return id;
  }

  /** Asked for after the span's id, and only where there is no parent. */
  generateTraceId(): string {
    const id = this.#chosen?.traceId ?? random(16).toString('hex');
    this.#chosen = undefined;
    return id;
  }
}

/** A tracer of one service, over OpenTelemetry's SDK; what is not sampled never reaches the SDK. */
export function createTracer(
  resource: Resource,
  processor: SpanProcessor,
  samples: Tracer['samples'],
): Tracer {
  const ids = new RequestIds();
  const provider = new TracerProvider({
    resource,
    idGenerator: ids,
    sampler: new AlwaysOnSampler(),
    spanProcessors: [processor],
    spanLimits: LIMITS,
  });
  const tracer = provider.getTracer('aduana');
  const begin = (name: string, kind: SpanKind, context: Context): Span =>
    new SdkSpan(tracer.startSpan(name, { kind: KINDS[kind] }, context));
  return {
    enabled: true,
    samples,
    startRequest(name, trace) {
      if (!trace.sampled) return undefined;
      ids.choose(trace);
      return begin(name, 'server', parentContext(trace, trace.parentSpanId, true));
    },
    start(name, parent, kind = 'internal') {
      return parent.sampled ? begin(name, kind, parentContext(parent, parent.spanId, false)) : undefined;
    },
    startRoot: (name, kind = 'internal') => begin(name, kind, ROOT_CONTEXT),
  };
}

function parentContext({ traceId }: TraceContext, spanId: string | undefined, isRemote: boolean): Context {
  if (spanId === undefined) return ROOT_CONTEXT;
  return traceApi.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote });
}

class SdkSpan implements Span {
  readonly trace: TraceContext;
  readonly #span: OtelSpan;

  constructor(span: OtelSpan) {
    const { traceId, spanId } = span.spanContext();
    this.trace = { traceId, spanId, sampled: true };
    this.#span = span;
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attribute: string, value: string | number | boolean): void {
    this.#span.setAttribute(attribute, value);
  }

  link({ traceId, spanId }: Pick<TraceContext, 'traceId' | 'spanId'>): void {
    this.#span.addLink({ context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true } });
  }

  end(errorType?: string): void {
    if (errorType !== undefined) {
      this.#span.setAttribute('error.type', errorType);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}
