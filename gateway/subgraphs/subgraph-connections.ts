import type { OpenPeer, SecureClient } from '@aduana/core/mtls-client/secure-client';
import type { Platform } from '@aduana/core/platform/platform';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import { type CircuitBreaker, createCircuitBreaker } from '../limits/circuit-breaker.ts';
import { createBoundedSemaphore } from '../limits/bounded-semaphore.ts';
import { HeldBytes } from '../limits/held-bytes.ts';
import type { SharedRoom } from '../limits/shared-room.ts';
import { createTraffic } from '../traffic/traffic.ts';
import { type ShownConnections, showConnections } from './show-connections.ts';
import type { SubgraphConnection } from './subgraph-connection.ts';

export interface SubgraphConnections {
  to(target: LoadedSubgraph): SubgraphConnection;
  /** From now on these are called: a line that none of them needs is closed when nobody can use it any more. */
  follow(subgraphs: ReadonlyMap<string, LoadedSubgraph>): void;
}

export interface SubgraphConnectionsOptions {
  readonly client: SecureClient;
  readonly trustDomain: string;
  readonly platform: Platform;
  /** What all answers of subgraphs and events of their streams may take together, by the subgraph's name. */
  readonly room: SharedRoom;
}

/** The limits on streams are those of the clients. */
const MOST_STREAMS = 65_536;
/** No operation that began under an older supergraph is still running then. */
const RETIRE_AFTER_MS = 300_000;

/** A connection is kept over a swap of the supergraph as long as the subgraph keeps its name, URL and identity. */
export function createSubgraphConnections(options: SubgraphConnectionsOptions): SubgraphConnections {
  const { client, trustDomain, platform, room } = options;
  const lines = new Map<string, SubgraphConnection>();
  const known = new WeakMap<LoadedSubgraph, SubgraphConnection>();
  const shown = showConnections(() => lines.values(), room, platform);
  let followed: ReadonlyMap<string, LoadedSubgraph> | undefined;

  function open({ name, url, audience, clientCertificate, load }: LoadedSubgraph): SubgraphConnection {
    const { circuitBreaker, maxConnections, maxWaiting } = load;
    const { origin, pathname, search } = new URL(url);
    const spiffeId = `spiffe://${trustDomain}/${audience}`;
    const failureCode = 'SUBGRAPH_UNAVAILABLE';
    const openPeer = (most: number): OpenPeer =>
      client.peer({ origin, spiffeId, failureCode, clientCertificate, maxConnections: most });
    const peer = openPeer(maxConnections);
    let streams: OpenPeer | undefined;
    return {
      name,
      spanName: `subgraph ${name}`,
      path: pathname + search,
      peer,
      streams: () => (streams ??= openPeer(MOST_STREAMS)),
      places: createBoundedSemaphore({
        places: maxConnections,
        waiting: maxWaiting,
        clock: platform.clock,
        name: `the subgraph ${name}`,
        onRefuse: shown.onRefuse(name),
      }),
      answers: { hold: () => new HeldBytes(room, name), onRefuse: shown.onNoRoom(name) },
      traffic: createTraffic(platform.clock),
      durations: shown.durations(name),
      breaker: openBreaker(circuitBreaker, platform.clock, shown.onChange(name)),
      close: () => Promise.all([peer.close(), streams?.close()]).then(() => undefined),
    };
  }

  return {
    to(target) {
      let line = known.get(target);
      if (line === undefined) {
        const key = keyOf(target);
        line = lines.get(key) ?? open(target);
        lines.set(key, line);
        known.set(target, line);
      }
      return line;
    },
    follow(subgraphs) {
      if (subgraphs === followed) return;
      followed = subgraphs;
      const needed = new Set([...subgraphs.values()].map(keyOf));
      for (const [key, line] of lines) {
        if (needed.has(key)) continue;
        lines.delete(key);
        platform.clock.after(RETIRE_AFTER_MS, () => void line.close());
      }
    },
  };
}

function openBreaker(
  settings: LoadedSubgraph['load']['circuitBreaker'],
  clock: Platform['clock'],
  onChange: ReturnType<ShownConnections['onChange']>,
): CircuitBreaker | undefined {
  return settings === 'off' ? undefined : createCircuitBreaker({ ...settings, clock, onChange });
}

function keyOf({ name, url, audience, clientCertificate }: LoadedSubgraph): string {
  return JSON.stringify([name, url, audience, clientCertificate]);
}
