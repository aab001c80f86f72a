/**
 * The attacker is a caller, who chooses how its operation is called, or a service, which chooses the ids of its events. It
 * wants `aduana audit tail` to leave out what it does, as if the command had done it itself.
 */
import { afterEach, expect, test } from '@jest/globals';
import { canonicalText } from '@aduana/client/audit/canonical';
import { followLog } from '../../cli/audit-tail.ts';
import { postedEvent } from '../support/audit-events.ts';
import { type AskedOperation, type GatewayDouble, openGatewayDouble } from '../support/gateway-double.ts';

let gateway: GatewayDouble | undefined;
afterEach(() => gateway?.close());

interface Recorded {
  readonly id: string;
  readonly peer?: string;
  readonly type?: string;
  readonly operation?: string;
}

function textOf({ id, peer = 'gateway', type = 'request', operation = 'Tail' }: Recorded): string {
  const source = { peer, instance: 'i', boot_id: 'b', n: 0 };
  const request = { operation_name: operation, document_sha256: null, fields: [], subgraphs: [] };
  return canonicalText(postedEvent({ id, type, source, request }));
}

/** What the command prints, by id, of a log that holds its own first reads and then these. */
async function tail(events: readonly Recorded[]): Promise<{ ids: unknown[]; asked: AskedOperation[] }> {
  const asked: AskedOperation[] = [];
  gateway = await openGatewayDouble((operation, auditId) => {
    asked.push(operation);
    const isFirst = asked.length === 1;
    const found = isFirst ? [] : [{ id: 'answer-1' }, ...events, { id: auditId, operation: 'other' }];
    return {
      auditEvents: {
        edges: found.map((event, at) => ({ node: { seq: String(at), canonical: textOf(event) } })),
        pageInfo: { hasNextPage: isFirst, endCursor: 'on' },
      },
    };
  });
  await followLog({ from: '0', follow: false }, gateway.context);
  return { ids: gateway.printed.map((line) => (JSON.parse(line) as Recorded).id), asked };
}

test('whoever calls an operation as the command does is shown: requests, mutations, streams', async () => {
  const { ids } = await tail([
    { id: 'query' },
    { id: 'intent', type: 'request.intent' },
    { id: 'stream', type: 'stream.open' },
    { id: 'of-a-service', peer: 'leads', type: 'app.Tail' },
  ]);
  expect(ids).toEqual(expect.arrayContaining(['query', 'intent', 'stream', 'of-a-service']));
});

test('the own reads are not shown, but events that others give the same id are', async () => {
  const { ids } = await tail([
    { id: 'answer-1', peer: 'leads' },
    { id: 'answer-1', type: 'request.intent' },
  ]);
  // the event of the page itself cannot be in it, so that of the last one is somebody else's
  expect(ids).toEqual(['answer-1', 'answer-1', 'answer-2']);
});

test('all pages are one read of the log', async () => {
  const { asked } = await tail([]);
  const [first, second] = asked.map(({ variables }) => variables['follow']);
  expect(first).toEqual(expect.any(String));
  expect(second).toBe(first);
});
