import { expect, test } from '@jest/globals';
import { isOwnRead } from '../../console/server/own-reads.ts';

const event = (type: string, actor: object, detail: object = {}): string =>
  JSON.stringify({ type, actor: { sub: 'auditor', client_id: 'console', act: [], ...actor }, detail });

test.each([
  ['a query of a page', event('request', { act: ['console'] }, { operation_kind: 'query' })],
  ['a read of the log', event('audit.read', { client_id: 'gateway', act: ['gateway', 'console'] })],
  ['the exchange for either', event('token.exchange', {})],
  [
    'the stream of a live page',
    event('stream.open', { act: ['console'] }, { operation_kind: 'subscription' }),
  ],
  ['what that stream brought', event('stream.messages', { act: ['console'] })],
])('%s is a read of the console', (_what, canonical) => {
  expect(isOwnRead(canonical)).toBe(true);
});

test.each([
  ['a change that is made at the console', event('request', { act: ['console'] }, { operation_kind: 'mutation' })],
  ['a read by the same person elsewhere', event('audit.read', { client_id: 'auditor', act: ['gateway'] })],
  ['a login', event('session.open', {})],
  ['a name that says console', event('audit.read', { sub: 'console', act: [] })],
  ['what is no event', 'null'],
])('%s is shown', (_what, canonical) => {
  expect(isOwnRead(canonical)).toBe(false);
}); // prettier-ignore
