import { createSystemClock } from '@aduana/core/platform/clock';
import type { TraceContext } from '@aduana/core/platform/tracer';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { openTelemetry, type Telemetry } from '@aduana/server-kit/telemetry/open-telemetry';
import { afterEach, expect, test } from '@jest/globals';
import { bytesHeld } from '../support/collect-garbage.ts';
import { freePort } from '../support/free-port.ts';
import { openOtlpReceiver } from '../support/otlp-receiver.ts';
import { underLoad, until } from '../support/until.ts';

const SPANS = 150_000;
const ENDED_MS = 2_000;
const closers: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closers.splice(0).map((close) => close())));

function open(url: string) {
  const lines: string[] = [];
  const metrics = createMetrics();
  const clock = createSystemClock();
  const log = createLog('info', (line) => lines.push(line));
  const settings = loadConfig(SERVICE_SETTINGS, {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_METRIC_EXPORT_INTERVAL: '50',
  });
  const telemetry: Telemetry = openTelemetry({ settings, services: ['gateway'], metrics, clock, log });
  return { telemetry, lines, metrics, platform: { clock, log, metrics, tracer: telemetry.tracerFor('gateway') } };
} // prettier-ignore

test('a collector that hangs costs requests nothing, and its spans a bounded memory', async () => {
  const receiver = await openOtlpReceiver({ hangs: true });
  closers.push(() => receiver.close());
  const { telemetry, platform } = open(receiver.url);
  const listener = { address: '127.0.0.1', port: 0, tls: undefined };
  const http = await openHttpService({ name: 'gateway', listeners: [listener], platform });
  closers.push(() => http.stop());
  const handle = () => Promise.resolve({ status: 200, body: 'an answer' });
  http.serve([{ method: 'GET', path: '/x', handle }], () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  const ask = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${String(http.ports[0])}/x`, { headers: { connection: 'close' } })).status;
  expect(await ask()).toBe(200);
  await until(() => receiver.bodies('traces').length > 0);

  const trace: TraceContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  const before = bytesHeld();
  for (let index = 0; index < SPANS; index += 1) {
    const span = platform.tracer.start('plan', trace);
    span?.set('aduana.outcome', `allowed ${String(index)}`);
    span?.end();
    if (index % 10_000 === 0) await new Promise(setImmediate);
  }
  // A span takes about a kilobyte: all of them would be more than 120 MB.
  expect((bytesHeld() - before) / 1_048_576).toBeLessThan(60);
  expect(await ask()).toBe(200);
  // One at a time, each given up after ten seconds.
  expect(receiver.bodies('traces').length).toBeLessThan(5);

  const stoppedAt = performance.now();
  await telemetry.stop();
  expect(performance.now() - stoppedAt).toBeLessThan(underLoad(ENDED_MS));
});

test('that the collector is away is logged once, what it did not take is counted, and so is its return', async () => {
  const port = await freePort();
  const { telemetry, lines, metrics, platform } = open(`http://127.0.0.1:${String(port)}`);
  closers.push(() => telemetry.stop());
  const logged = (message: string): number => lines.filter((line) => line.includes(message)).length;
  platform.tracer.startRoot('plan')?.end();
  await until(async () =>
    /aduana_telemetry_dropped_total\{signal="metrics"\} [3-9]/.test((await metrics.expose()).body),
  );
  expect((await metrics.expose()).body).toContain('aduana_telemetry_dropped_total{signal="traces"} 1');
  expect(logged('the collector does not take telemetry')).toBe(2);
  const receiver = await openOtlpReceiver({ port });
  closers.push(() => receiver.close());
  await until(() => logged('the collector takes telemetry again') === 1);
});

test('without an endpoint, or with OTEL_SDK_DISABLED, no variable of a collector is needed', () => {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: off } = loadConfig(SERVICE_SETTINGS, {});
  expect([endpoint, off]).toEqual([undefined, false]);
  expect(loadConfig(SERVICE_SETTINGS, { OTEL_SDK_DISABLED: 'TRUE' }).OTEL_SDK_DISABLED).toBe(true);
  const read = (name: string, value: string) => () => loadConfig(SERVICE_SETTINGS, { [name]: value });
  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'no pair'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'name=%0d%0aother: x'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
  ] as const)
    expect(read(name, value)).toThrow();
});
