import { expect, test } from '@jest/globals';
import type { Route } from '@aduana/core/http/route';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSubgraphRoute } from '../../subgraphs/subgraph-route.ts';
import { FEDERATION_LINK } from '../support/supergraph-of.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createServiceRequest } from '../support/service-request.ts';

const PEER = { spiffeId: 'spiffe://aduana.local/gateway', thumbprint: 'T', chain: [], notAfter: Infinity };

/** A subgraph whose resolvers fail, and what it logs. */
async function openFailing(): Promise<{ route: Route; lines: string[] }> {
  const lines: string[] = [];
  const fail = (): never => {
    throw new Error('broken');
  };
  const route = await createSubgraphRoute({
    name: 'failing',
    sdl: `${FEDERATION_LINK} type Query { a: Int } type Subscription { b: Int }`,
    resolvers: {
      Query: { a: fail },
      Subscription: {
        b: {
          async *subscribe() {
            yield await Promise.resolve(1);
          },
          resolve: fail,
        },
      },
    },
    peers: new Set([PEER.spiffeId]),
    verify: () => Promise.resolve({ kid: 'k', scopes: new Set(), claims: { cnf: { 'x5t#S256': 'T' } } } as never),
    mode: 'filter',
    subscriptions: {
      clock: createFakeClock(),
      status: { onChange: () => () => undefined } as never,
      onStop: () => undefined,
    },
    log: createLog('error', (line) => lines.push(line)),
  }); // prettier-ignore
  return { route, lines };
}

test.each(['application/json', 'text/event-stream'])(
  'what a resolver fails with is logged with the trace of its request, over %s',
  async (accept) => {
    const { route, lines } = await openFailing();
    const request = createServiceRequest({
      headers: { authorization: 'Bearer good', accept },
      peer: PEER,
      encrypted: true,
      body: JSON.stringify({ query: accept === 'application/json' ? '{ a }' : 'subscription { b }' }),
    });
    const { stream } = await route.handle(request);
    const sent: string[] = [];
    const ended = new Promise<void>((resolve) => {
      if (stream === undefined) resolve();
      stream?.start({
        ...{ waitingBytes: 0, end: resolve, destroy: resolve, onClose: () => undefined },
        write: (text) => void sent.push(text),
      });
    });
    await ended;
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { msg: 'a resolver failed', trace_id: request.trace.traceId, span_id: request.trace.spanId },
    ]);
    expect(sent.join()).not.toContain('broken');
  },
);
