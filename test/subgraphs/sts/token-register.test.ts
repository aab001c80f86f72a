import { expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { Database } from '@aduana/server-kit/store/database';
import { createTokenRegister } from '../../../subgraphs/sts/token/token-register.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const claims = {} as AccessTokenClaims;

/** A database whose statements fail after the time-outs that they are given, one after the other. */
function openSlowDatabase(clock: ReturnType<typeof createFakeClock>, ...timeouts: readonly number[]) {
  const left = [...timeouts];
  const query = async (): Promise<never> => {
    await clock.sleep(left.shift() ?? 0);
    throw new SecurityError('STORE_UNAVAILABLE', { detail: 'Query read timeout' });
  };
  return { query } as unknown as Database;
}

test('a token that waited while the database did not answer fails with those before it, and waits for no second time-out', async () => {
  const clock = createFakeClock();
  const register = createTokenRegister(openSlowDatabase(clock, 5500, 3000), clock);
  const began = clock.monotonic();
  const failed: number[] = [];
  const add = (): void => {
    register.add(claims).catch(() => failed.push(clock.monotonic() - began));
  };
  add();
  await clock.advance(100);
  add();
  await clock.advance(5300);
  add(); // has not waited long: it has a try of its own
  await clock.advance(100);
  expect(failed).toEqual([5500, 5500]);
  await clock.advance(3000);
  expect(failed).toEqual([5500, 5500, 8500]);
});
