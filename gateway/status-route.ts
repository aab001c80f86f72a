import type { Route, ServiceRequest } from '@aduana/core/http/route';
import type { Platform } from '@aduana/core/platform/platform';
import type { Health } from '@aduana/server-kit/http/health';
import type { LoadedSubgraph, LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import type { SubgraphConnection } from './subgraphs/subgraph-connection.ts';
import type { SubgraphConnections } from './subgraphs/subgraph-connections.ts';
import type { Traffic } from './traffic/traffic.ts';

export interface StatusRouteOptions {
  readonly platform: Pick<Platform, 'clock'>;
  readonly health: () => Health;
  readonly traffic: Traffic;
  readonly supergraph: () => LoadedSupergraph;
  readonly connections: Pick<SubgraphConnections, 'to'>;
  /** @throws SecurityError for a caller without the permission */
  readonly requirePermission: (request: ServiceRequest) => Promise<void>;
}

type SubgraphHealth = Health['status'] | 'unknown';

const PATIENCE_MS = 2_000;
const HEALTH_KEPT_MS = 5_000;
const ANSWER_BYTES = 65_536;
const KNOWN: readonly unknown[] = ['ok', 'degraded', 'unavailable'];

/** `GET /status`: what passes here now, for the console and for scripts; behind the permission to read metrics. */
export function createStatusRoute(options: StatusRouteOptions): Route {
  const {
    platform: { clock },
    health,
    traffic,
    supergraph,
    connections,
  } = options;
  const startedAt = new Date(clock.now()).toISOString();
  const askHealth = createHealthQuestion(options);
  return {
    method: 'GET',
    path: '/status',
    async handle(request) {
      await options.requirePermission(request);
      const subgraphs = [...supergraph().subgraphs.values()];
      const answer = {
        time: new Date(clock.now()).toISOString(),
        startedAt,
        health: health(),
        supergraph: { sha256: supergraph().hash },
        requests: traffic.lately(),
        history: traffic.history(),
        subgraphs: await Promise.all(
          subgraphs.map(async (subgraph) => ({
            ...describe(subgraph, connections.to(subgraph)),
            health: await askHealth(subgraph),
          })),
        ),
      };
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
        body: JSON.stringify(answer),
      };
    },
  };
}

function describe({ name, audience }: LoadedSubgraph, { traffic, breaker, places }: SubgraphConnection) {
  const { perSecond, failedPerSecond, p50Milliseconds, p99Milliseconds } = traffic.lately();
  return {
    name,
    service: audience,
    callsPerSecond: perSecond,
    failuresPerSecond: failedPerSecond,
    p50Milliseconds,
    p99Milliseconds,
    circuit: breaker?.state ?? 'off',
    inFlight: places.taken,
    waiting: places.waiting,
  };
}

/** Asks a subgraph's `/health` at most every few seconds; one that has none is `unknown`. */
function createHealthQuestion({
  platform: { clock },
  connections,
}: StatusRouteOptions): (subgraph: LoadedSubgraph) => Promise<SubgraphHealth> {
  const known = new WeakMap<
    SubgraphConnection,
    { readonly at: number; readonly health: Promise<SubgraphHealth> }
  >();
  return (subgraph) => {
    const connection = connections.to(subgraph);
    const last = known.get(connection);
    if (last !== undefined && clock.monotonic() - last.at < HEALTH_KEPT_MS) return last.health;
    const health = readHealth(connection);
    known.set(connection, { at: clock.monotonic(), health });
    return health;
  };
}

async function readHealth({ peer }: SubgraphConnection): Promise<SubgraphHealth> {
  try {
    const { body } = await peer.request({
      method: 'GET',
      path: '/health',
      timeoutMilliseconds: PATIENCE_MS,
      maxResponseBytes: ANSWER_BYTES,
    });
    const { status } = JSON.parse(body.toString('utf8')) as { readonly status?: unknown };
    return KNOWN.includes(status) ? (status as Health['status']) : 'unknown';
  } catch (error) {
    return error instanceof SyntaxError ? 'unknown' : 'unavailable';
  }
}
