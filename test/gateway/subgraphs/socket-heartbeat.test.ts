import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import { expect, test } from '@jest/globals';
import { SocketUpstream } from '../../../gateway/subgraphs/socket-upstream.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { listenTo } from '../../support/socket-subgraph.ts';

/** A WebSocket at whose other end there may be nobody. */
class QuietSocket extends EventEmitter {
  isThere = true;
  isPaused = false;
  pings = 0;
  bufferedAmount = 0;

  send(): void {
    this.bufferedAmount += 1;
  }
  ping(): void {
    this.pings += 1;
    if (this.isThere && !this.isPaused) this.emit('pong');
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  terminate(): void {
    this.emit('close', 1006);
  }
}

async function open() {
  const clock = createFakeClock();
  const socket = new QuietSocket();
  const upstream = new SocketUpstream({
    socket: socket as unknown as WebSocket,
    body: '{}',
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    clock,
  });
  socket.emit('message', Buffer.from('{"type":"connection_ack"}'), false);
  expect(await upstream.opened).toBe(true);
  return { clock, socket, upstream, heard: listenTo(upstream) };
}

test('a quiet subgraph is pinged, and stays while it answers', async () => {
  const { clock, socket, heard } = await open();
  await clock.advance(3_600_000);
  expect(socket.pings).toBeGreaterThan(100);
  expect(heard.end).toBeUndefined();
});

test('a subgraph that says something is not pinged', async () => {
  const { clock, socket } = await open();
  for (let second = 0; second < 60; second += 1) {
    await clock.advance(1_000);
    socket.emit('message', Buffer.from('{"id":"1","type":"next","payload":{"data":{}}}'), false);
  }
  expect(socket.pings).toBe(0);
});

test('a subgraph from which nothing comes any more is away after half a minute, and no timer is left', async () => {
  const { clock, socket, heard } = await open();
  socket.isThere = false;
  await clock.advance(29_000);
  expect(heard.end).toBeUndefined();
  await clock.advance(16_000);
  expect(heard.end).toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' });
  expect(clock.pending).toBe(0);
});

test('a stream that is not read is not taken for a dead one', async () => {
  const { clock, upstream, heard } = await open();
  upstream.pause();
  await clock.advance(120_000);
  upstream.resume();
  await clock.advance(20_000);
  expect(heard.end).toBeUndefined();
});

test('a subgraph that sends pongs without end is left', async () => {
  const { socket, heard } = await open();
  for (let count = 0; count < 1_000; count += 1) socket.emit('pong');
  expect(heard.end).toMatchObject({ code: 'SUBGRAPH_ERROR' });
});
