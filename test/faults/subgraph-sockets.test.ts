import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { type BehaveOnUpgrade } from '../support/forwarding.ts';
import { listenTo, openSocketSubgraph, untilOver } from '../support/socket-subgraph.ts';

const NEXT = '{"id":"1","type":"next","payload":{"data":{"changed":null}}}';

/** The head of an unmasked frame of a server (RFC 6455 section 5.2). */
function frame(firstByte: number, bytes: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = firstByte;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return head;
}

const FAULTS: [string, (webSocket: WebSocket, raw: Duplex) => void, string][] = [
  ['dies', (webSocket) => { webSocket.terminate(); }, 'SUBGRAPH_UNAVAILABLE'],
  ['closes without `complete`', (webSocket) => { webSocket.close(1000); }, 'SUBGRAPH_UNAVAILABLE'],
  ['goes away', (webSocket) => { webSocket.close(1001); }, 'SUBGRAPH_UNAVAILABLE'],
  ['has an error of its own', (webSocket) => { webSocket.close(4500); }, 'SUBGRAPH_UNAVAILABLE'],
  ['calls our messages invalid', (webSocket) => { webSocket.close(4400); }, 'SUBGRAPH_ERROR'],
  ['forbids it', (webSocket) => { webSocket.close(4403); }, 'SUBGRAPH_ERROR'],
  ['calls our messages too big', (webSocket) => { webSocket.close(1009); }, 'SUBGRAPH_ERROR'],
  ['sends no JSON', (webSocket) => { webSocket.send('{"id'); }, 'SUBGRAPH_ERROR'],
  ['sends a number', (webSocket) => { webSocket.send('1'); }, 'SUBGRAPH_ERROR'],
  ['sends an unknown message', (webSocket) => { webSocket.send('{"type":"ka"}'); }, 'SUBGRAPH_ERROR'],
  ['acknowledges twice', (webSocket) => { webSocket.send('{"type":"connection_ack"}'); }, 'SUBGRAPH_ERROR'],
  ['answers another operation', (webSocket) => { webSocket.send(NEXT.replace('"1"', '"2"')); }, 'SUBGRAPH_ERROR'],
  ['sends bytes', (webSocket) => { webSocket.send(Buffer.from(NEXT)); }, 'SUBGRAPH_ERROR'],
  ['refuses the operation', (webSocket) => { webSocket.send('{"id":"1","type":"error","payload":[{"message":"no"}]}'); }, 'SUBGRAPH_ERROR'],
  ['announces a frame of 100 MB', (_, raw) => { raw.write(frame(0x81, 100_000_000)); }, 'SUBGRAPH_ERROR'],
  ['never ends a message', (_, raw) => { raw.write(Buffer.concat([frame(0x01, 5_000_000), Buffer.alloc(5_000_000, 'x'), frame(0x00, 5_000_000)])); }, 'SUBGRAPH_ERROR'],
  ['sends empty fragments without end', (_, raw) => { raw.write(Buffer.concat([Buffer.from([0x01, 0]), Buffer.alloc(2 * 20_000)])); }, 'SUBGRAPH_ERROR'],
  ['sends no UTF-8', (_, raw) => { raw.write(Buffer.from([0x81, 2, 0xc3, 0x28])); }, 'SUBGRAPH_ERROR'],
  ['compresses, which was not agreed on', (_, raw) => { raw.write(Buffer.from([0xc1, 1, 0x78])); }, 'SUBGRAPH_ERROR'],
  ['floods with pings of the protocol', (webSocket) => { for (let sent = 0; sent < 2_000; sent += 1) webSocket.send('{"type":"ping"}'); }, 'SUBGRAPH_ERROR'],
  ['floods with pings of WebSocket', (webSocket) => { for (let sent = 0; sent < 2_000; sent += 1) webSocket.ping(); }, 'SUBGRAPH_ERROR'],
]; // prettier-ignore

const answer =
  (text: string): BehaveOnUpgrade =>
  (_, socket) =>
    socket.end(text);

describe('a subgraph that streams over WebSocket', () => {
  let subgraph: Awaited<ReturnType<typeof openSocketSubgraph>>;
  beforeAll(async () => {
    subgraph = await openSocketSubgraph();
  });
  afterAll(() => subgraph.close());

  test.each(FAULTS)('and %s: what came before is there, and then a defined end', async (_, act, code) => {
    const heard = await subgraph.hostile((webSocket, raw) => {
      webSocket.send(NEXT, () => {
        act(webSocket, raw);
      });
    });
    expect(await untilOver(heard)).toMatchObject({ code });
    expect(heard.results).toEqual([{ data: { changed: null } }]);
  });

  test.each<[string, BehaveOnUpgrade, string]>([
    ['closes', (_, socket) => socket.destroy(), 'SUBGRAPH_UNAVAILABLE'],
    ['answers 503', answer('HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n'), 'SUBGRAPH_UNAVAILABLE'],
    ['answers 404', answer('HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n'), 'SUBGRAPH_ERROR'],
    ['redirects', answer('HTTP/1.1 307 No\r\nlocation: https://elsewhere.example/\r\n\r\n'), 'SUBGRAPH_ERROR'],
    ['answers 401 again and again', answer('HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n'), 'SUBGRAPH_ERROR'],
    ['answers no HTTP', answer('SSH-2.0-OpenSSH_9.6\r\n'), 'SUBGRAPH_ERROR'],
    ['accepts with another key', answer('HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n'), 'SUBGRAPH_ERROR'],
  ])('and %s to the upgrade opens nothing', async (_, upgrade, code) => {
    subgraph.onUpgrade(upgrade);
    await expect(subgraph.open()).rejects.toMatchObject({ code });
  }); // prettier-ignore

  test.each<[string, (webSocket: WebSocket) => void, string]>([
    ['forbids the connection', (webSocket) => { webSocket.close(4403); }, 'SUBGRAPH_ERROR'],
    ['sends an event first', (webSocket) => { webSocket.send(NEXT); }, 'SUBGRAPH_ERROR'],
    ['dies', (webSocket) => { webSocket.terminate(); }, 'SUBGRAPH_UNAVAILABLE'],
  ])('and %s before its acknowledgement opens nothing', async (_, act, code) => {
    subgraph.onUpgrade((request, socket, head) => {
      subgraph.sockets.handleUpgrade(request, socket, head, act);
    });
    await expect(subgraph.open()).rejects.toMatchObject({ code });
  }); // prettier-ignore

  test('and sends an event with its acknowledgement, before anything was asked: nothing of it counts', async () => {
    subgraph.onUpgrade((request, socket, head) => {
      subgraph.sockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.send('{"type":"connection_ack"}');
        webSocket.send(NEXT);
      });
    });
    const heard = await subgraph.open().then(listenTo, (error: unknown) => ({
      results: [],
      bytes: 0,
      end: error as { code: 'SUBGRAPH_ERROR'; detail: string },
      close: () => undefined,
    }));
    expect(await untilOver(heard)).toMatchObject({ code: 'SUBGRAPH_ERROR' });
    expect(heard.results).toEqual([]);
  });
});

describe('a subgraph that never', () => {
  test.each<[string, BehaveOnUpgrade | undefined]>([
    ['answers the upgrade', () => undefined],
    ['acknowledges', undefined],
  ])(
    '%s is waited for no longer than `timeout_ms`, and no longer than somebody wants it',
    async (_, upgrade) => {
      const subgraph = await openSocketSubgraph({ timeoutMs: 300 });
      subgraph.onUpgrade(upgrade ?? ((...parts) => { subgraph.sockets.handleUpgrade(...parts, () => undefined); })); // prettier-ignore
      await expect(subgraph.open()).rejects.toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' });
      const leaving = new AbortController();
      const opening = subgraph.open(undefined, leaving.signal);
      leaving.abort();
      await expect(opening).rejects.toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' });
      await subgraph.close();
    },
  );
});

test('another service at its address gets no upgrade', async () => {
  const subgraph = await openSocketSubgraph({ audience: 'admin' });
  let upgrades = 0;
  subgraph.onUpgrade(() => (upgrades += 1));
  await expect(subgraph.open()).rejects.toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' });
  expect(upgrades).toBe(0);
  await subgraph.close();
});
