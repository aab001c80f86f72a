import type { SecureClient } from '@aduana/core/client/secure-client';
import type { Platform } from '@aduana/core/platform/platform';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import { createCircuitBreaker } from './limits/circuit-breaker.ts';
import { createQueuedPlaces } from './limits/queued-places.ts';
import { showLines } from './show-lines.ts';
import type { SubgraphLine } from './subgraph-line.ts';

export interface SubgraphLines {
  to(target: LoadedSubgraph): SubgraphLine;
  /** From now on these are called: a line that none of them needs is closed when nobody can use it any more. */
  follow(subgraphs: ReadonlyMap<string, LoadedSubgraph>): void;
}

export interface SubgraphLinesOptions {
  readonly client: SecureClient;
  readonly trustDomain: string;
  readonly platform: Platform;
}

/** No operation that began under an older supergraph is still running then. */
const RETIRE_AFTER_MS = 300_000;

/** A line lives on over a swap of the supergraph as long as the subgraph keeps its name, URL and identity. */
export function createSubgraphLines({ client, trustDomain, platform }: SubgraphLinesOptions): SubgraphLines {
  const lines = new Map<string, SubgraphLine>();
  const known = new WeakMap<LoadedSubgraph, SubgraphLine>();
  const shown = showLines(() => lines.values(), platform);
  let followed: ReadonlyMap<string, LoadedSubgraph> | undefined;

  function open({ name, url, audience, clientCertificate, load }: LoadedSubgraph): SubgraphLine {
    const { circuitBreaker, maxConnections, maxWaiting } = load;
    const { clock } = platform;
    const { origin, pathname, search } = new URL(url);
    return {
      name,
      path: pathname + search,
      peer: client.peer({
        origin,
        spiffeId: `spiffe://${trustDomain}/${audience}`,
        failureCode: 'SUBGRAPH_UNAVAILABLE',
        clientCertificate,
        maxConnections,
      }),
      places: createQueuedPlaces({
        places: maxConnections,
        waiting: maxWaiting,
        clock,
        name: `the subgraph ${name}`,
        onRefuse: shown.onRefuse(name),
      }),
      breaker:
        circuitBreaker === 'off'
          ? undefined
          : createCircuitBreaker({ ...circuitBreaker, clock, onChange: shown.onChange(name) }),
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
      for (const [key, { peer }] of lines) {
        if (needed.has(key)) continue;
        lines.delete(key);
        platform.clock.after(RETIRE_AFTER_MS, () => void peer.close());
      }
    },
  };
}

function keyOf({ name, url, audience, clientCertificate }: LoadedSubgraph): string {
  return JSON.stringify([name, url, audience, clientCertificate]);
}
