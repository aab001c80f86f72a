import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { METRICS } from '@aduana/core/platform/metric-catalogue';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeWith } from '../support/foreign-parts.ts';
import { freePort } from '../support/free-port.ts';
import {
  CAN_DECODE,
  openOtlpReceiver,
  type OtlpReceiver,
  type ReceivedSpan,
} from '../support/otlp-receiver.ts';
import { HAS_PROMETHEUS, type Prometheus, RULES, startPrometheus } from '../support/prometheus.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { findSecrets } from '../support/secret-search.ts';
import { until } from '../support/until.ts';
import { KNOWN_ATTRIBUTES, LABELS, NOT_IN_EVERY_DEPLOYMENT } from '../support/known-telemetry.ts';

const canary = (what: string): string => `${what}-${randomBytes(12).toString('hex')}`;
const CANARIES = {
  header: canary('collector'),
  argument: canary('argument'),
  variable: canary('variable'),
  secret: canary('secret'),
  bearer: canary('bearer'),
  path: canary('path'),
  query: canary('query'),
};
const PARENT = { traceId: 'b'.repeat(32), spanId: 'c'.repeat(16) };

const PARTS = 'prometheus, protoc and opentelemetry-proto';

describeWith(PARTS, CAN_DECODE && HAS_PROMETHEUS, 'a deployment that exports its telemetry', () => {
  let receiver: OtlpReceiver;
  let deployment: TestDeployment;
  let prometheus: Prometheus;
  let metricsPort: number;
  let auditId: string;
  let token: string;
  let spans: readonly ReceivedSpan[] = [];

  async function ask(body: object, headers: Record<string, string>, path = '/graphql'): Promise<Response> {
    const answer = await fetch(`http://127.0.0.1:${String(deployment.ports.GATEWAY_HTTP_PORT)}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      body: JSON.stringify(body),
    });
    await answer.arrayBuffer();
    return answer;
  }
  const exposed = async (): Promise<string> =>
    (
      await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`, { headers: { connection: 'close' } })
    ).text();
  const ofTrace = (traceId: string): readonly ReceivedSpan[] =>
    spans.filter((span) => span.traceId === traceId);

  /** At the audit log, for events whose sender names each of them. */
  const appendOfSeveral = (): ReceivedSpan | undefined =>
    spans.find(
      ({ service, links, parentSpanId }) =>
        service === 'aduana-audit' && links.length > 1 && parentSpanId !== '',
    );

  beforeAll(async () => {
    receiver = await openOtlpReceiver();
    metricsPort = await freePort();
    deployment = await startTestDeployment({
      environment: {
        LOG_LEVEL: 'debug',
        METRICS_PORT: String(metricsPort),
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${CANARIES.header}`,
        OTEL_BSP_SCHEDULE_DELAY: '200',
        OTEL_METRIC_EXPORT_INTERVAL: '500',
      },
    });
    prometheus = await startPrometheus(`127.0.0.1:${String(metricsPort)}`);
    token = (await deployment.aduana('token', '--as', 'bff')).stdout.trim();
    const bearer = { authorization: `Bearer ${token}` };
    const query = 'query Leads($id: ID!) { leads { company } lead(id: $id) { company } }';
    const traceparent = `00-${PARENT.traceId}-${PARENT.spanId}-00`;
    const answer = await ask({ query, variables: { id: CANARIES.variable } }, { ...bearer, traceparent });
    auditId = answer.headers.get('audit-id') ?? '';
    await ask({ query: `{ lead(id: "${CANARIES.argument}") { company contact { email } } }` }, bearer);
    await ask(
      { query },
      { authorization: `Basic ${Buffer.from(`bff:${CANARIES.secret}`).toString('base64')}` },
    );
    await ask({ query }, { authorization: `Bearer ${CANARIES.bearer}` });
    await ask({}, bearer, `/${CANARIES.path}?${CANARIES.query}`);
    await until(async () => {
      await Promise.all(Array.from({ length: 8 }, () => ask({ query: '{ leads { company } }' }, bearer)));
      spans = receiver.spans();
      return appendOfSeveral() !== undefined;
    });
    await until(() => receiver.metrics().some(({ name }) => name === 'graphql_operation_duration_seconds'));
  });
  afterAll(async () => {
    await prometheus.stop();
    expect(await deployment.stop()).toBe(0);
    await receiver.close();
  });

  test('a request is one trace through gateway, STS, subgraph and audit log', () => {
    const trace = ofTrace(PARENT.traceId);
    const named = (service: string, name: string): ReceivedSpan | undefined =>
      trace.find((span) => span.service === service && span.name === name);
    const root = named('aduana-gateway', 'POST /graphql');
    const operation = named('aduana-gateway', 'query Leads');
    const fetched = named('aduana-gateway', 'subgraph leads');
    const append = named('aduana-gateway', 'audit append');
    expect(root).toMatchObject({ parentSpanId: PARENT.spanId, kind: 'SPAN_KIND_SERVER', isError: false });
    for (const name of ['authenticate', 'exchange', 'query Leads', 'audit append'])
      expect([name, named('aduana-gateway', name)?.parentSpanId]).toEqual([name, root?.spanId]);
    for (const name of ['authorize', 'plan', 'subgraph leads'])
      expect([name, named('aduana-gateway', name)?.parentSpanId]).toEqual([name, operation?.spanId]);
    expect(operation?.attributes).toMatchObject({
      'graphql.operation.name': 'Leads',
      'graphql.operation.type': 'query',
    });
    expect(fetched).toMatchObject({
      kind: 'SPAN_KIND_CLIENT',
      attributes: { 'aduana.subgraph.name': 'leads', 'http.response.status_code': '200' },
    });
    expect(named('leads', 'POST /graphql')?.parentSpanId).toBe(fetched?.spanId);
    expect(named('aduana-sts', 'POST /sts/token')?.parentSpanId).toBe(fetched?.spanId);
    // The STS records the token that it gave, too.
    const appends = trace.filter(({ service }) => service === 'aduana-audit');
    expect(appends.map(({ parentSpanId }) => parentSpanId)).toContain(append?.spanId);
  });

  test("the audit event's trace and the span find each other", async () => {
    const root = ofTrace(PARENT.traceId).find(({ parentSpanId }) => parentSpanId === PARENT.spanId);
    expect(root?.attributes['aduana.audit_id']).toBe(auditId);
    const document = `{ auditEvents(first: 50, filter: { traceId: "${PARENT.traceId}" }) { edges { node { id } } } }`;
    const { stdout } = await deployment.aduana('query', '--as', 'auditor', document);
    expect(JSON.stringify(JSON.parse(stdout))).toContain(auditId);
  });

  test('an append of several events at the audit log links to the trace of each', async () => {
    const append = appendOfSeveral();
    await until(() => {
      spans = receiver.spans();
      return (append?.links ?? []).every(({ spanId }) => spans.some((span) => span.spanId === spanId));
    });
    const requests = spans.filter(({ kind }) => kind === 'SPAN_KIND_SERVER');
    for (const link of append?.links ?? [])
      expect(requests).toContainEqual(
        expect.objectContaining({ traceId: link.traceId, spanId: link.spanId }),
      );
    const sent = spans.find(({ spanId }) => spanId === append?.parentSpanId);
    expect(sent?.name).toBe('audit append');
    expect(sent?.links.length).toBe(append?.links.length);
  });

  test('log entries of a request carry its trace and its audit id', () => {
    const entries = deployment.output().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    const refused = entries.find(({ msg, code }) => msg === 'a request was refused' && code === 'UNAUTHENTICATED');
    const span = spans.find(({ attributes }) => attributes['aduana.audit_id'] === refused?.['audit_id']);
    expect(refused).toMatchObject({ trace_id: span?.traceId, span_id: span?.spanId });
  }); // prettier-ignore

  test('no secret, token, argument, variable or path is in spans, metrics or logs', async () => {
    const secrets = new Map([...Object.entries(CANARIES), ['token', token]]);
    const written = [
      { where: 'traces', content: Buffer.concat(receiver.bodies('traces')) },
      { where: 'metrics', content: Buffer.concat(receiver.bodies('metrics')) },
      { where: 'METRICS_PORT', content: Buffer.from(await exposed()) },
      { where: 'log', content: Buffer.from(deployment.output()) },
    ];
    expect(findSecrets(written, secrets)).toEqual([]);
    expect(receiver.headers[0]?.authorization).toBe(`Bearer ${CANARIES.header}`);
    for (const { service, attributes } of spans)
      expect([service, Object.keys(attributes).filter((name) => !KNOWN_ATTRIBUTES.has(name))]).toEqual([
        service,
        [],
      ]);
  });

  test('metrics are exported by service, under the names of the catalogue', () => {
    const received = receiver.metrics();
    for (const [service, name, kind] of [
      ['aduana-gateway', 'http_server_request_duration_seconds', 'histogram'],
      ['aduana-sts', 'aduana_token_requests_total', 'sum'],
      ['aduana-audit', 'aduana_certificate_expiry_timestamp_seconds', 'gauge'],
      ['aduana-admin', 'aduana_status_feed_age_seconds', 'gauge'],
      ['leads', 'aduana_certificate_expiry_timestamp_seconds', 'gauge'],
    ])
      expect(received).toContainEqual({ service, name, kind });
  });

  test('promtool has nothing against our names, and every series is as the catalogue says', async () => {
    const text = await exposed();
    const ours = new RegExp(`^(# (HELP|TYPE) )?(${Object.keys(METRICS).join('|')})`);
    const own = text.split('\n').filter((line) => ours.test(line)).join('\n'); // prettier-ignore
    expect(execFileSync('promtool', ['check', 'metrics'], { input: `${own}\n`, encoding: 'utf8' })).toBe('');
    const names = new Set(
      [...text.matchAll(/^# TYPE ((?:aduana|http|graphql)_\S+)/gm)].map(([, name]) => name ?? ''),
    );
    expect([...names].filter((name) => !(name in METRICS))).toEqual([]);
    expect(
      Object.keys(METRICS).filter((name) => !names.has(name) && !NOT_IN_EVERY_DEPLOYMENT.includes(name)),
    ).toEqual([]);
    for (const [, labels = ''] of own.matchAll(/^(?!aduana_telemetry)[a-z_]+\{(.*)\} /gm))
      expect(labels).toMatch(/^service="[a-z]+"/);
  });

  test("Debian's Prometheus scrapes it, evaluates the shipped rules, and no alert fires", async () => {
    await until(async () => (await prometheus.query('aduana:graphql_operations:rate5m')).length > 0);
    const [gateway] = await prometheus.query('up{job="aduana"}');
    expect(gateway?.value[1]).toBe('1');
    await until(async () => new Set(await prometheus.ruleHealth()).size === 1);
    expect(new Set(await prometheus.ruleHealth())).toEqual(new Set(['ok']));
    expect(await prometheus.alerts()).toEqual([]);
  });

  test('every metric of the dashboards and rules is one that the deployment exposes, or may expose', async () => {
    const exposedNames = new Set([...(await exposed()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? ''));
    const folder = 'deploy/observability/dashboards';
    const texts = [RULES, ...readdirSync(folder).map((file) => `${folder}/${file}`)].map((file) => readFileSync(file, 'utf8'));
    const used = new Set(texts.flatMap((text) => [...text.matchAll(/\b(aduana|http_server|graphql)_[a-z_]+(?=[{[)\s])/g)].map(([name]) => name)));
    const unknown = [...used].filter((name) => !LABELS.has(name)).map((name) => name.replace(/_(bucket|sum|count)$/, '')).filter((name) => !exposedNames.has(name) && !NOT_IN_EVERY_DEPLOYMENT.includes(name));
    expect(unknown).toEqual([]);
    expect(used.size).toBeGreaterThan(20);
  }); // prettier-ignore
});
