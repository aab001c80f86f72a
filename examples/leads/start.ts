import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import { stsIssuer, stsTokenUrl } from '@aduana/server-kit/config/service-settings';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { openSubgraph, type ProtectedSubgraph } from '@aduana/subgraph';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import type { LeadsSettings } from './config.ts';
import { createLeadsHandler } from './graphql-handler.ts';
import { createLeadBook } from './lead-book.ts';
import { createRedisChannel } from './redis-channel.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from './sample-leads.ts';
import { createOwnChannel } from './step-channel.ts';

const DRAIN_MS = 10_000;

/** A subgraph as the guide has it: its own data, and everything else from @aduana/subgraph. */
export async function startLeads(
  settings: LeadsSettings,
  { clock, log, bus, tracer }: Pick<ServicePlatform, 'clock' | 'log' | 'bus' | 'tracer'>,
): Promise<RunningService> {
  const subgraph = await openSubgraph({
    service: 'leads',
    certsDir: settings.CERTS_DIR,
    stsUrl: stsTokenUrl(settings),
    issuer: stsIssuer(settings),
    trustDomain: settings.TRUST_DOMAIN,
    log,
    ...(tracer === undefined ? {} : { tracer }),
    mode: settings.AUTHORIZATION_MODE,
    unguardedFields: settings.UNGUARDED_FIELDS,
    clientCertificates: settings.MTLS_MODE === 'strict' ? 'require' : 'request',
    wake: (listener) => bus.subscribe(STATUS_TOPIC, listener),
  });
  const servers: Server[] = [];
  const { LEADS_REDIS_URL: url } = settings;
  const channel = url === undefined ? createOwnChannel() : createRedisChannel({ url, clock, log });
  const book = createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, clock, channel);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      book.close();
      await Promise.all(servers.map(drain));
      await subgraph.close();
    })());
  try {
    const graphql = admitNodeHttp(
      subgraph,
      await createLeadsHandler({ book, guard: (schema, sdl) => subgraph.guard(schema, sdl), clock, log }),
    );
    const server = createServer(subgraph.tls, routes(subgraph, graphql));
    subgraph.attach(server);
    const port = await listen(server, settings.BIND_ADDRESS, settings.LEADS_PORT);
    servers.push(server);
    if (settings.HEALTH_PORT !== 'off') {
      const probes = createPlainServer(routes(subgraph, notFound));
      await listen(probes, settings.BIND_ADDRESS, settings.HEALTH_PORT);
      servers.push(probes);
    }
    return {
      name: 'leads',
      url: `https://localhost:${String(port)}`,
      isReady: () => Promise.resolve(subgraph.isReady()),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `/health*` for probes, which have no token; everything else is `other`'s. */
function routes(subgraph: ProtectedSubgraph, other: RequestListener): RequestListener {
  return (request, response) => {
    const { url = '/' } = request;
    if (url === '/health/live') answerHealth(true);
    else if (url === '/health' || url === '/health/ready') answerHealth(subgraph.isReady());
    else if (url === '/graphql' && request.method === 'POST') other(request, response);
    else notFound(request, response);

    function answerHealth(isReady: boolean): void {
      const body = { status: isReady ? 'ok' : 'unavailable', service: 'leads' };
      response
        .writeHead(isReady ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        .end(JSON.stringify(body));
    }
  };
}

const notFound: RequestListener = (_request, response) => {
  response.writeHead(404).end();
};

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Lets requests that were begun finish within a bounded time. */
function drain(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const hurry = setTimeout(() => {
      server.closeAllConnections();
    }, DRAIN_MS);
    server.close(() => {
      clearTimeout(hurry);
      resolve();
    });
    server.closeIdleConnections();
  });
}
