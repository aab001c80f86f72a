import { type MetricDescription, METRICS } from '@aduana/core/platform/metric-catalogue';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { formatSnapshot, mergeSnapshots } from '@aduana/server-kit/platform/metrics-snapshot';
import { createProcessMetrics } from '@aduana/server-kit/platform/process-metrics';
import { expect, test } from '@jest/globals';

test('a metric that is asked for twice is the same metric', () => {
  const metrics = createMetrics();
  expect(metrics.counter('aduana_audit_events_total')).toBe(metrics.counter('aduana_audit_events_total'));
});

test('a name of another kind, or none of the catalogue, is refused', () => {
  const { counter } = createMetrics();
  expect(() => counter('aduana_audit_spool_bytes' as never)).toThrow(TypeError);
  expect(() => counter('aduana_invented_total' as never)).toThrow(TypeError);
});

test('labels that the catalogue does not name are refused, and so are missing ones', () => {
  const counter = createMetrics().counter('aduana_audit_events_total');
  expect(() => counter.bind({ path: 'direct', more: 'x' })).toThrow(TypeError);
  expect(() => counter.bind({})).toThrow(TypeError);
  expect(() => {
    counter.inc({ path: 'direct' }, -1);
  }).toThrow(TypeError);
});

test('the services of one process are distinguished by the label service', async () => {
  const metrics = createMetrics();
  for (const [service, count] of [['sts', 2], ['admin', 3]] as const)
    metrics.forService(service).counter('aduana_audit_events_total').bind({ path: 'direct' }).inc(count); // prettier-ignore
  const { body } = await metrics.expose();
  expect(body).toContain('aduana_audit_events_total{service="sts",path="direct"} 2');
  expect(body).toContain('aduana_audit_events_total{service="admin",path="direct"} 3');
  expect(body.match(/# TYPE aduana_audit_events_total counter/g)).toHaveLength(1);
});

test('the buckets of a histogram are cumulative, and a label without a value is absent', async () => {
  const metrics = createMetrics();
  const operations = metrics.histogram('graphql_operation_duration_seconds');
  const labels = { graphql_operation_type: 'query', graphql_operation_name: '', outcome: 'allowed' };
  for (const seconds of [0.001, 0.0011, 60]) operations.bind(labels).observe(seconds);
  const { body } = await metrics.expose();
  const series = 'graphql_operation_type="query",outcome="allowed"';
  expect(body).toContain(`graphql_operation_duration_seconds_bucket{${series},le="0.001"} 1`);
  expect(body).toContain(`graphql_operation_duration_seconds_bucket{${series},le="0.0025"} 2`);
  expect(body).toContain(`graphql_operation_duration_seconds_bucket{${series},le="+Inf"} 3`);
  expect(body).toContain(`graphql_operation_duration_seconds_count{${series}} 3`);
});

test('a gauge is set when it is read, and what it no longer sets is gone', async () => {
  const metrics = createMetrics();
  const subgraphs = ['leads', 'billing'];
  metrics.gauge('aduana_subgraph_fetches', (gauge) => {
    gauge.reset();
    for (const subgraph of subgraphs) gauge.set({ subgraph }, 1);
  });
  expect((await metrics.expose()).body).toContain('aduana_subgraph_fetches{subgraph="billing"} 1');
  subgraphs.pop();
  expect((await metrics.expose()).body).not.toContain('billing');
});

test('however many values a label has, the series are bounded', async () => {
  const metrics = createMetrics();
  const refused = metrics.counter('aduana_requests_refused_total');
  for (let index = 0; index < 3_000; index += 1) refused.bind({ code: `code "${String(index)}"\n` }).inc();
  const { body } = await metrics.expose();
  expect(body.match(/^aduana_requests_refused_total\{/gm)).toHaveLength(1_001);
  expect(body).toContain('aduana_requests_refused_total{code="_OTHER"} 2000');
  expect(body).toContain('aduana_requests_refused_total{code="code \\"7\\"\\n"} 1');
});

test('snapshots of workers become one: counts are summed, and of expiries the nearest counts', async () => {
  const workers = await Promise.all(
    [1, 2].map((worker) => {
      const metrics = createMetrics();
      const service = metrics.forService('gateway');
      service.counter('aduana_plan_cache_hits_total').inc(worker);
      service.histogram('aduana_audit_append_duration_seconds').observe(worker);
      service.gauge('aduana_certificate_expiry_timestamp_seconds').set(worker * 100);
      service.gauge('aduana_subgraph_circuit').set({ subgraph: 'leads' }, worker);
      return metrics.snapshot();
    }),
  );
  const plain = JSON.parse(JSON.stringify(workers)) as typeof workers;
  const body = formatSnapshot(mergeSnapshots(plain));
  for (const line of [
    'aduana_plan_cache_hits_total{service="gateway"} 3',
    'aduana_audit_append_duration_seconds_sum{service="gateway"} 3',
    'aduana_audit_append_duration_seconds_bucket{service="gateway",le="1"} 1',
    'aduana_certificate_expiry_timestamp_seconds{service="gateway"} 100',
    'aduana_subgraph_circuit{service="gateway",subgraph="leads"} 2',
  ])
    expect(body).toContain(`${line}\n`);
});

test("Node's own metrics are exposed beside them", async () => {
  const metrics = createMetrics({ ofProcess: createProcessMetrics() });
  const { body } = await metrics.expose();
  expect(body).toMatch(/^process_cpu_seconds_total \d/m);
  expect(body).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
});

test('every metric of the catalogue has a help text and bounded labels', () => {
  for (const [name, { help, labels, kind }] of Object.entries<MetricDescription>(METRICS)) {
    expect([name, help]).toEqual([name, expect.stringMatching(/^[A-Z].{10,}[^.]$/)]);
    expect(name.endsWith('_total')).toBe(kind === 'counter');
    for (const [label, values] of Object.entries(labels)) {
      expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(values.length).toBeGreaterThan(0);
    }
  }
});
