import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { openListener } from '@aduana/server-kit/http/listener';
import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Metrics } from '@aduana/core/platform/metrics';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface MetricsPort {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Serves `GET /metrics` and nothing else over plain HTTP, for all services of this process: Prometheus's text format.
 *
 * @returns undefined where METRICS_PORT is `off`
 * @throws ConfigurationError when the port cannot be had
 */
export async function openMetricsPort(
  settings: Pick<ServiceSettings, 'METRICS_PORT' | 'BIND_ADDRESS'>,
  metrics: Pick<Metrics, 'expose'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<MetricsPort | undefined> {
  if (settings.METRICS_PORT === 'off') return undefined;
  const listener = await openListener(
    { address: settings.BIND_ADDRESS, port: settings.METRICS_PORT, tls: undefined },
    clock,
    (request, response) => {
      answer(request, response, metrics).catch((error: unknown) => {
        log.error('the metrics could not be exposed', { error: describeError(error) });
        response.destroy();
      });
    },
    () => undefined,
  );
  return { port: listener.port, stop: () => listener.stop(0) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Pick<Metrics, 'expose'>,
): Promise<void> {
  request.resume();
  const path = request.url?.split('?', 1)[0];
  if (path !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
    response.writeHead(path === '/metrics' ? 405 : 404).end();
    return;
  }
  const { contentType, body } = await metrics.expose();
  response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
}
