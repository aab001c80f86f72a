import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach, expect, test } from '@jest/globals';
import { type MetricsPort, openMetricsPort } from '../../cli/metrics-port.ts';
import { createFakeClock } from '../support/fake-clock.ts';

let opened: MetricsPort | undefined;
afterEach(() => opened?.stop());

async function open(): Promise<string> {
  const metrics = createMetrics();
  metrics.counter('aduana_plan_cache_hits_total').inc(3);
  opened = await openMetricsPort({ METRICS_PORT: 0, BIND_ADDRESS: '127.0.0.1' }, metrics, {
    clock: createFakeClock(),
    log: createLog('silent', () => undefined),
  });
  return `http://127.0.0.1:${String(opened?.port)}`;
}

test('the metrics of the process are at /metrics, and nothing else is served', async () => {
  const url = await open();
  const answer = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ]);
  expect(await answer.text()).toContain('aduana_plan_cache_hits_total 3');
  for (const [path, method, status] of [
    ['/', 'GET', 404],
    ['/graphql', 'POST', 404],
    ['/metrics', 'POST', 405],
  ] as const)
    expect((await fetch(url + path, { method, headers: { connection: 'close' } })).status).toBe(status);
});

test('`off` opens no port', async () => {
  const log = createLog('silent', () => undefined);
  const settings = { METRICS_PORT: 'off', BIND_ADDRESS: '127.0.0.1' } as const;
  expect(await openMetricsPort(settings, createMetrics(), { clock: createFakeClock(), log })).toBeUndefined();
});
