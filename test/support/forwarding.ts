import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureClient } from '@aduana/core/mtls-client/secure-client';
import type { StsClient } from '@aduana/client/sts/sts-client';
import { serverTlsOptions } from '@aduana/core/mtls/tls-options';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { Secret } from '@aduana/core/secrets/secret';
import { createForward, type Forward, type ForwardOptions } from '../../gateway/subgraphs/forward.ts';
import type { LoadedSubgraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { NO_HEADERS } from '../../gateway/supergraph/header-rules.ts';
import { DEFAULT_LOAD } from '../../gateway/supergraph/subgraph-load.ts';
import { DEFAULT_SUBSCRIPTIONS } from '../../gateway/supergraph/subscription-settings.ts';
import { createTestCa } from './test-ca.ts';
import { issueTestIdentity } from './test-identity.ts';

export type Behave = (request: IncomingMessage, response: ServerResponse) => void;
export type BehaveOnUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A subgraph over mTLS that behaves as it is told, and can be away. */
export interface ServedSubgraph {
  behave: Behave;
  /** What it does with a connection that is to become a WebSocket. */
  upgrade: BehaveOnUpgrade;
  /** Connections that it holds open. */
  connections(): Promise<number>;
  stop(): Promise<void>;
  /** Listens again, where it did. */
  restart(): Promise<void>;
}

/** The gateway's way to subgraphs as it is in production, but for the STS. */
export interface Forwarding {
  readonly forward: Forward;
  readonly subgraphs: ReadonlyMap<string, LoadedSubgraph>;
  readonly served: Readonly<Record<string, ServedSubgraph>>;
  readonly log: readonly string[];
  /** How often a narrowed token has been asked for anew. */
  readonly renewals: () => number;
  metrics(): Promise<string>;
  close(): Promise<void>;
}

export const LONGEST_ANSWER = 1_048_576;

/** To a subgraph's slow field, and to one that it answers at once. */
export const SLOW = '{"query":"{slow}"}';
export const QUICK = '{"query":"{ok}"}';
export const QUICK_ANSWER = '{"data":{"ok":true}}';

/** Has a subgraph answer all but `SLOW`. @returns the responses that wait */
export function holdSlow({ served }: Forwarding, subgraph: string): ServerResponse[] {
  const slow: ServerResponse[] = [];
  const one = served[subgraph];
  if (one === undefined) throw new Error('no subgraph');
  one.behave = (request, response) => {
    if (request.headers['content-length'] === String(SLOW.length)) slow.push(response);
    else response.writeHead(200).end(QUICK_ANSWER);
  };
  return slow;
}

export type ForwardingBounds = Partial<Pick<ForwardOptions, 'room' | 'maxResponseBytes' | 'budget'>>;

/** @param settings by the subgraph's name: what differs from the usual */
export async function openForwarding(
  settings: Readonly<Record<string, Partial<LoadedSubgraph>>>,
  { maxResponseBytes = LONGEST_ANSWER, ...bounds }: ForwardingBounds = {},
): Promise<Forwarding> {
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line));
  const clock = createSystemClock();
  const metrics = createMetrics();
  const ca = await createTestCa();
  const identity = await issueTestIdentity(ca, 'leads');
  const tls = serverTlsOptions(identity.current(), { clientCertificates: 'require', minVersion: 'TLSv1.3' });
  const client = createSecureClient({ identity: await issueTestIdentity(ca, 'gateway'), clock, log });
  let renewals = 0;
  const sts = {
    narrow: () => Promise.resolve(Secret.of(renewals === 0 ? 'token' : `token-${String(renewals)}`)),
    forgetNarrowed: () => (renewals += 1),
  };
  const served: Record<string, ServedSubgraph> = {};
  const subgraphs = new Map<string, LoadedSubgraph>();
  for (const [name, own] of Object.entries(settings)) {
    const { subgraph, port } = await serve(tls);
    served[name] = subgraph;
    subgraphs.set(name, {
      name,
      url: `https://localhost:${String(port)}/graphql`,
      audience: 'leads',
      headers: NO_HEADERS,
      errors: 'masked',
      timeoutMs: 5_000,
      clientCertificate: true,
      load: DEFAULT_LOAD,
      subscriptions: DEFAULT_SUBSCRIPTIONS,
      ...own,
    });
  }
  return {
    forward: createForward({
      client,
      sts: sts as unknown as StsClient,
      trustDomain: 'aduana.local',
      maxResponseBytes,
      ...bounds,
      platform: { clock, log, metrics },
    }),
    subgraphs,
    served,
    log: lines,
    renewals: () => renewals,
    metrics: async () => (await metrics.expose()).body,
    async close() {
      await client.close();
      for (const subgraph of Object.values(served)) await subgraph.stop();
    },
  };
}

async function serve(tls: object): Promise<{ subgraph: ServedSubgraph; port: number }> {
  const place: { behave: Behave; upgrade: BehaveOnUpgrade; server?: Server | undefined } = {
    behave: (_, response) => response.writeHead(503).end(),
    upgrade: (_, socket) => socket.destroy(),
  };
  const listen = async (port: number): Promise<number> => {
    const server = createServer(tls, (request, response) => {
      request.resume();
      place.behave(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      place.upgrade(request, socket, head);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    place.server = server;
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const subgraph: ServedSubgraph = {
    get behave() {
      return place.behave;
    },
    set behave(behave) {
      place.behave = behave;
    },
    get upgrade() {
      return place.upgrade;
    },
    set upgrade(upgrade) {
      place.upgrade = upgrade;
    },
    connections: () =>
      new Promise((resolve) => {
        if (place.server === undefined) resolve(0);
        else place.server.getConnections((_, count) => { resolve(count); }); // prettier-ignore
      }),
    async stop() {
      const { server } = place;
      place.server = undefined;
      server?.closeAllConnections();
      if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    },
    async restart() {
      await listen(port);
    },
  };
  return { subgraph, port };
}
