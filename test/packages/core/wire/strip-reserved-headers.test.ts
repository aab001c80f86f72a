import { expect, test } from '@jest/globals';
import { stripReservedHeaders } from '@aduana/core/wire/strip-reserved-headers';

test.each([
  'client-cert',
  'client-cert-chain',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-client-cert',
  'x-client-cert',
  'x-ssl-client-verify',
  'x-real-ip',
  'x-aduana-caller',
  'audit-id',
])('a %s header that a client sends is removed, whichever hop it comes from', (name) => {
  expect(stripReservedHeaders({ [name]: ':MIIB:', accept: '*/*' })).toEqual({ accept: '*/*' });
});

test('what a client may send stays', () => {
  const headers = { authorization: 'Bearer x', dpop: 'proof', traceparent: '00-a-b-00' };
  expect(stripReservedHeaders(headers)).toEqual(headers);
});
