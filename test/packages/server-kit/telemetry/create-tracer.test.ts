import type { TraceContext, Tracer } from '@aduana/core/platform/tracer';
import { createTracer } from '@aduana/server-kit/telemetry/create-tracer';
import { toResourceMetrics } from '@aduana/server-kit/telemetry/to-resource-metrics';
import { expect, test } from '@jest/globals';

type Processor = Parameters<typeof createTracer>[1];
type Ended = Parameters<Processor['onEnd']>[0];
type ResourceOf = Parameters<typeof toResourceMetrics>[2];

const RESOURCE = { attributes: {} } as ReturnType<ResourceOf>;
const TRACE: TraceContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };

function open(): { readonly tracer: Tracer; readonly ended: Ended[] } {
  const ended: Ended[] = [];
  const done = (): Promise<void> => Promise.resolve();
  const processor = { onStart: () => undefined, onEnd: (span: Ended) => ended.push(span), forceFlush: done, shutdown: done }; // prettier-ignore
  return { tracer: createTracer(RESOURCE, processor, () => true), ended };
}

test('what is not sampled never reaches the SDK', () => {
  const { tracer, ended } = open();
  const unsampled = { ...TRACE, sampled: false };
  expect([tracer.startRequest('POST', unsampled), tracer.start('plan', unsampled)]).toEqual([undefined, undefined]);
  expect(ended).toEqual([]);
}); // prettier-ignore

test.each<[string, Partial<TraceContext>, string | undefined]>([
  ['began here', {}, undefined],
  ["continues a caller's", { parentSpanId: 'c'.repeat(16) }, 'c'.repeat(16)],
])("a request's span has the ids that its audit event names, where its trace %s", (_name, more, parent) => {
  const { tracer, ended } = open();
  tracer.startRequest('POST', { ...TRACE, ...more })?.end();
  tracer.startRoot('audit append')?.end();
  const [request, root] = ended;
  expect(request?.spanContext()).toMatchObject({ traceId: TRACE.traceId, spanId: TRACE.spanId });
  expect(request?.parentSpanContext?.spanId).toBe(parent);
  // Ids that were chosen for one span are used by no other.
  expect(root?.spanContext().traceId).toMatch(/^(?!a{32})[0-9a-f]{32}$/);
  expect(root?.spanContext().spanId).toMatch(/^(?!b{16})[0-9a-f]{16}$/);
});

test('a child is beneath its parent, and its own trace is what calls are sent with', () => {
  const { tracer, ended } = open();
  const fetch = tracer.start('subgraph leads', TRACE, 'client');
  tracer.start('exchange', fetch?.trace ?? TRACE)?.end('STS_UNAVAILABLE');
  fetch?.end();
  const [inner, outer] = ended;
  expect(outer?.parentSpanContext?.spanId).toBe(TRACE.spanId);
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  expect(fetch?.trace).toEqual({
    traceId: TRACE.traceId,
    spanId: outer?.spanContext().spanId,
    sampled: true,
  });
  expect([inner?.status.code, outer?.status.code]).toEqual([2, 0]);
  expect(inner?.attributes).toEqual({ 'error.type': 'STS_UNAVAILABLE' });
});

test('attributes and links are bounded', () => {
  const { tracer, ended } = open();
  const span = tracer.startRoot('audit append');
  span?.set('aduana.outcome', 'x'.repeat(1_000));
  for (let index = 0; index < 500; index += 1) span?.link(TRACE);
  span?.end();
  expect(String(ended[0]?.attributes['aduana.outcome'])).toHaveLength(256);
  expect(ended[0]?.links).toHaveLength(128);
});

test("a histogram's buckets are each for itself in OpenTelemetry, and its labels are attributes", () => {
  const labels = { service: 'gateway', subgraph: 'leads' };
  const name = 'aduana_subgraph_request_duration_seconds';
  const bucket = (le: string, value: number) => ({ suffix: '_bucket', labels: { ...labels, le }, value });
  const samples = [bucket('0.1', 2), bucket('1', 5), bucket('+Inf', 6), { suffix: '_sum', labels, value: 9 }, { suffix: '_count', labels, value: 6 }];
  const times = { startTime: [0, 0], endTime: [1, 0] } as const;
  const [exported] = toResourceMetrics([{ name, help: 'x', kind: 'histogram', merge: 'sum', samples }], { startTime: [...times.startTime], endTime: [...times.endTime] }, () => RESOURCE);
  expect(exported?.scopeMetrics[0]?.metrics[0]).toMatchObject({
    descriptor: { name, unit: 's' },
    dataPoints: [{ attributes: { subgraph: 'leads' }, value: { buckets: { boundaries: [0.1, 1], counts: [2, 3, 1] }, sum: 9, count: 6 } }],
  });
}); // prettier-ignore
