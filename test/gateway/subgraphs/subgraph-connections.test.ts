import type { OpenPeer, SecureClient } from '@aduana/core/mtls-client/secure-client';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { expect, test } from '@jest/globals';
import { createSharedRoom } from '../../../gateway/limits/shared-room.ts';
import { createSubgraphConnections } from '../../../gateway/subgraphs/subgraph-connections.ts';
import { withSettings } from '../../../gateway/supergraph/loaded-supergraph.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

test('the connections of a subgraph that is needed no longer are closed, those for streams as well', async () => {
  const clock = createFakeClock();
  const open = new Set<object>();
  const client = {
    peer(options: object) {
      open.add(options);
      return { close: () => Promise.resolve(void open.delete(options)) } as unknown as OpenPeer;
    },
  } as unknown as SecureClient;
  const platform = { clock, log: createLog('silent', () => undefined), metrics: createMetrics() };
  const connections = createSubgraphConnections({
    client,
    trustDomain: 'aduana.local',
    platform,
    room: createSharedRoom('off'),
  });
  const [before, after] = ['https://one.example/', 'https://two.example/'].map((url) =>
    withSettings(new Map([['orders', url]]), new Map()),
  );
  for (const subgraphs of [before, after]) {
    if (subgraphs === undefined) throw new TypeError('none');
    connections.follow(subgraphs);
    for (const subgraph of subgraphs.values()) connections.to(subgraph).streams();
  }
  expect(open.size).toBe(4);
  await clock.advance(300_000);
  expect(open.size).toBe(2);
});
