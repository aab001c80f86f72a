import { expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/server-kit/store/database';
import { createStoreCheck } from '@aduana/server-kit/store/store-check';
import { createFakeClock } from '../../../support/fake-clock.ts';

function openCheck(answer: () => Promise<unknown>) {
  const clock = createFakeClock();
  const asked = { times: 0 };
  const database = {
    query() {
      asked.times += 1;
      return answer();
    },
  } as unknown as Database;
  return { clock, asked, check: createStoreCheck(database, clock) };
}

test('a database that answers is reported as such', async () => {
  const { check } = openCheck(() => Promise.resolve({ rows: [{ read_only: 'off' }], affected: 0 }));
  expect(await check()).toBe('ok');
});

test('one that takes no writes, as during a failover, is reported', async () => {
  const { check } = openCheck(() => Promise.resolve({ rows: [{ read_only: 'on' }], affected: 0 }));
  expect(await check()).toBe('the database is read-only');
});

test('one that refuses is told of', async () => {
  const { check } = openCheck(() => Promise.reject(new SecurityError('STORE_UNAVAILABLE')));
  expect(await check()).toBe('the database does not answer');
});

test('one that hangs is told of within two seconds, and asked no more than once at a time', async () => {
  const { check, clock, asked } = openCheck(() => new Promise(() => undefined));
  const told = Promise.all([check(), check(), check()]);
  await clock.advance(2000);
  expect(new Set(await told)).toEqual(new Set(['the database does not answer']));
  const later = check();
  await clock.advance(2000);
  expect(await later).toBe('the database does not answer');
  expect(asked.times).toBe(1);
});
