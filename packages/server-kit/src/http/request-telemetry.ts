import type { ServiceResponse } from '@aduana/core/http/route';
import type { IncomingRequest } from '@aduana/core/http/incoming-request';
import type { CounterSeries, Histogram, HistogramSeries } from '@aduana/core/platform/metrics';
import type { Platform } from '@aduana/core/platform/platform';
import { NO_TRACER, type Tracer } from '@aduana/core/platform/tracer';

/** Measures requests by method, route and status, counts error codes, and begins and ends the spans of requests. */
export interface RequestTelemetry {
  /** @returns when the request began, on the monotonic clock */
  start(request: IncomingRequest): number;
  end(
    startedAt: number,
    request: Pick<IncomingRequest, 'method' | 'route' | 'span'>,
    response: Pick<ServiceResponse, 'status' | 'code'>,
  ): void;
}

type Parts = Pick<Platform, 'clock'> & Partial<Pick<Platform, 'metrics' | 'tracer'>>;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const UNKNOWN_METHOD = '_OTHER';
/** What probes and services ask again and again would drown everything else. */
const UNTRACED = /^\/(?:health|metrics|sts\/status|sts\/jwks)/;

/** Each series is found by its own labels once; a request like the one before costs no look-up and no text. */
export function createRequestTelemetry({ clock, metrics, tracer = NO_TRACER }: Parts): RequestTelemetry {
  const measure = metrics === undefined ? () => undefined : createMeasure(metrics);
  return {
    start(request) {
      if (tracer.enabled) beginSpan(request, tracer);
      return clock.monotonic();
    },
    end(startedAt, request, response) {
      measure((clock.monotonic() - startedAt) / 1000, request, response);
      if (request.span !== undefined) endSpan(request, response);
    },
  };
}

type Measure = (
  seconds: number,
  request: Pick<IncomingRequest, 'method' | 'route'>,
  response: Pick<ServiceResponse, 'status' | 'code'>,
) => void;

function createMeasure(metrics: Pick<Platform['metrics'], 'histogram' | 'counter'>): Measure {
  const durations = createDurations(metrics.histogram('http_server_request_duration_seconds'));
  const refused = metrics.counter('aduana_requests_refused_total');
  const byCode = new Map<string, CounterSeries>();
  return (seconds, { method, route }, { status, code }) => {
    durations(route, method, status).observe(seconds);
    if (code === undefined) return;
    let series = byCode.get(code);
    if (series === undefined) byCode.set(code, (series = refused.bind({ code })));
    series.inc();
  };
}

function createDurations(
  histogram: Histogram,
): (route: string, method: string, status: number) => HistogramSeries {
  const routes = new Map<string, Map<string, Map<number, HistogramSeries>>>();
  const last = { route: '', sent: '', status: 0, series: undefined as HistogramSeries | undefined };
  return (route, sentMethod, status) => {
    if (
      last.series !== undefined &&
      last.status === status &&
      last.route === route &&
      last.sent === sentMethod
    )
      return last.series;
    const method = knownMethod(sentMethod);
    let methods = routes.get(route);
    if (methods === undefined) routes.set(route, (methods = new Map<string, Map<number, HistogramSeries>>()));
    let statuses = methods.get(method);
    if (statuses === undefined) methods.set(method, (statuses = new Map<number, HistogramSeries>()));
    let series = statuses.get(status);
    if (series === undefined) {
      const labels = { http_request_method: method, http_route: route, http_response_status_code: status };
      statuses.set(status, (series = histogram.bind(labels)));
    }
    Object.assign(last, { route, sent: sentMethod, status, series });
    return series;
  };
}

function knownMethod(method: string): string {
  return METHODS.has(method) ? method : UNKNOWN_METHOD;
}

/** The route is not known yet, and a path is a client's text: the span is named at its end. */
function beginSpan(request: IncomingRequest, tracer: Tracer): void {
  if (UNTRACED.test(request.path)) return;
  const { trace } = request;
  if (trace.sampled) request.span = tracer.startRequest(knownMethod(request.method), trace);
}

function endSpan(
  { span, method, route }: Pick<IncomingRequest, 'method' | 'route' | 'span'>,
  { status, code }: Pick<ServiceResponse, 'status' | 'code'>,
): void {
  const known = knownMethod(method);
  span?.set('http.request.method', known);
  span?.set('http.response.status_code', status);
  if (route !== '') {
    span?.rename(`${known} ${route}`);
    span?.set('http.route', route);
  }
  if (code !== undefined) span?.set('aduana.error.code', code);
  span?.end(status >= 500 ? (code ?? String(status)) : undefined);
}
