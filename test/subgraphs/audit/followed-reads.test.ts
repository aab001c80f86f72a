import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createFollowedReads } from '../../../subgraphs/audit/reading/followed-reads.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const claims = (sub: string) =>
  ({ sub, sub_iss: 'https://sts', client_id: 'gateway', act: { sub: 'gateway' } }) as AccessTokenClaims;
const read = { claims: claims('auditor'), follow: 'view', filter: {}, from: 10, end: 20 };

describe('pages of one followed view', () => {
  test('are one read while each goes on where the last one ended', () => {
    const followed = createFollowedReads(createFakeClock());
    expect(followed.goOn(read)).toBe(false);
    expect(followed.goOn({ ...read, from: 20, end: 20 })).toBe(true);
    expect(followed.goOn({ ...read, from: 20, end: 35 })).toBe(true);
  });

  test.each([
    ['another place of the log', { from: 0 }],
    ['another filter', { filter: { actor: 'bff' } }],
    ['another view', { follow: 'other' }],
    ['another reader', { claims: claims('operator') }],
  ])('are a read of their own at %s', (_what, other) => {
    const followed = createFollowedReads(createFakeClock());
    followed.goOn(read);
    expect(followed.goOn({ ...read, from: 20, end: 30, ...other })).toBe(false);
  });

  test('are recorded again once in a while', async () => {
    const clock = createFakeClock();
    const followed = createFollowedReads(clock);
    followed.goOn(read);
    await clock.advance(599_999);
    expect(followed.goOn({ ...read, from: 20, end: 20 })).toBe(true);
    await clock.advance(1);
    expect(followed.goOn({ ...read, from: 20, end: 20 })).toBe(false);
  });
});
