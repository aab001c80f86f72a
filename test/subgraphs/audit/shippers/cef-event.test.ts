import { expect, test } from '@jest/globals';
import { toCef } from '../../../../subgraphs/audit/shippers/cef-event.ts';
import { postedEvent } from '../../../support/audit-events.ts';

const cefOf = (address: string): string =>
  toCef({
    seq: 7,
    leafHash: '00',
    envelope: postedEvent({ type: 'request.flood', detail: { source_address: address } }) as never,
  });

test.each(['192.0.2.1', '2001:db8::1'])('src is the address that an event has: %s', (address) => {
  expect(cefOf(address)).toContain(` src=${address} `);
});

test.each(['2001:db8:0:0::/64', 'others'])('and not what is none: %s', (address) => {
  expect(cefOf(address)).toMatch(/^CEF:0\|/);
  expect(cefOf(address)).not.toContain('src=');
});
