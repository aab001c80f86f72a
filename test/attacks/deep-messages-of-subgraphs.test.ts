// The attacker has a subgraph whose streams come over WebSocket, and sends a message that is nested as deeply as it can be:
// what reads it must end that stream, and not the gateway's process.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openSocketSubgraph, untilOver } from '../support/socket-subgraph.ts';

const LEVELS = 100_000;
const DEEP = `${'['.repeat(LEVELS)}${']'.repeat(LEVELS)}`;

let subgraph: Awaited<ReturnType<typeof openSocketSubgraph>>;
beforeAll(async () => {
  subgraph = await openSocketSubgraph();
});
afterAll(() => subgraph.close());

test.each([DEEP, `[{"message":${DEEP}}]`, `[{"message":"no","extensions":{"code":${DEEP}}}]`])(
  'an error of such a form ends its stream',
  async (payload) => {
    const heard = await subgraph.hostile((webSocket) => {
      webSocket.send(`{"type":"error","id":"1","payload":${payload}}`);
    });
    expect(await untilOver(heard)).toMatchObject({
      code: 'SUBGRAPH_ERROR',
      detail: expect.stringContaining('"count":1') as unknown,
    });
  },
);

test('what its listener throws ends its stream too', async () => {
  const heard = await subgraph.hostile((webSocket) => {
    webSocket.send('{"type":"next","id":"1","payload":{"data":null}}');
  });
  heard.results.push = () => {
    throw new RangeError('Maximum call stack size exceeded');
  };
  expect(await untilOver(heard)).toMatchObject({ code: 'SUBGRAPH_ERROR' });
});
