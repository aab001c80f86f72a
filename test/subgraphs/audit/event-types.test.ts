import { expect, test } from '@jest/globals';
import { EVENT_CATALOGUE, type EventType } from '@aduana/client/audit/event-catalogue';
import { mayWrite } from '../../../subgraphs/audit/log/event-types.ts';

const PEERS = ['gateway', 'sts', 'admin', 'audit', 'leads', 'toString', '__proto__'];

test.each(Object.entries<EventType>(EVENT_CATALOGUE))(
  '%s is taken from its writers alone',
  (type, { writers }) => {
    for (const peer of PEERS) expect(mayWrite(peer, type)).toBe(writers === 'any' || writers.includes(peer));
  },
);

test.each([
  'document.register',
  'role.grant',
  'key.delete',
  'authentication.allow',
  'constructor',
  'app',
  'apps.x',
])('%s, which nobody writes, is taken from nobody', (type) => {
  expect(PEERS.filter((peer) => mayWrite(peer, type))).toEqual([]);
});

test('services of others write what they decide themselves', () => {
  for (const type of ['app.order.place', 'authorization.deny']) expect(mayWrite('leads', type)).toBe(true);
});
