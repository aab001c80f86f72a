// The attacker has a subgraph whose streams are server-sent events, and sends line feeds and comments without end: each takes its
// time and is no event, so no bound of events ends it.
import { expect, test } from '@jest/globals';
import type { SecureStream } from '@aduana/core/mtls-client/secure-client';
import { readEventStream } from '../../gateway/subgraphs/event-stream-upstream.ts';
import { HeldBytes } from '../../gateway/limits/held-bytes.ts';
import { createSharedRoom } from '../../gateway/limits/shared-room.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { listenTo } from '../support/socket-subgraph.ts';

/** A stream that the test feeds, and what came of it. */
function open() {
  const clock = createFakeClock();
  let reader: Parameters<SecureStream['read']>[0] | undefined;
  const stream: SecureStream = {
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    read: (given) => (reader = given),
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  };
  const room = createSharedRoom(67_108_864);
  const hold = () => new HeldBytes(room, 'a');
  const heard = listenTo(readEventStream(stream, { hold, onRefuse: () => undefined }, clock));
  return { clock, heard, send: (text: string) => reader?.onData(Buffer.from(text)) };
}

const TOO_MANY = { code: 'SUBGRAPH_ERROR', detail: 'too many lines that are no event' };

test.each([
  ['empty lines', '\n'],
  ['comments', ':\n'],
  ['long comments', `:${'x'.repeat(1000)}\r\n`],
  ['fields that are ignored', 'id: 1\n\n'],
])('%s end their stream once there are more than a hundred in a second', async (_, line) => {
  const { heard, send, clock } = open();
  for (let second = 0; second < 10; second += 1) {
    send(line.repeat(33));
    await clock.advance(1000);
  }
  expect(heard.end).toBeUndefined();
  send(line.repeat(1000));
  expect(heard.end).toEqual(TOO_MANY);
});

test('a stream that says that it is there, and has events, goes on', () => {
  const { heard, send } = open();
  send(':\n\n'.repeat(10));
  send('event: next\ndata: {"data":null}\n\n'.repeat(1000));
  expect(heard.end).toBeUndefined();
  expect(heard.results).toHaveLength(1000);
});
