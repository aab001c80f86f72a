/**
 * The attacker is Vault, or who sets how long its tokens live: a lease that no timer of Node can hold, or none at all, makes
 * each service renew its token, or log in, without a pause.
 */
import { afterEach, expect, jest, test } from '@jest/globals';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { Secret } from '@aduana/core/secrets/secret';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createVaultLogin } from '@aduana/server-kit/secrets/vault/vault-lease';
import { createVaultSession, type VaultSession } from '@aduana/server-kit/secrets/vault/vault-session';
import type { VaultTransport } from '@aduana/server-kit/secrets/vault/vault-transport';
import { createFakeClock } from '../support/fake-clock.ts';

const DAY_MS = 86_400_000;

let session: VaultSession | undefined;
afterEach(() => {
  session?.close();
  jest.useRealTimers();
});

/** A session whose Vault answers every login and renewal with such a lease. */
function openSession(leaseSeconds: unknown, clock: Clock = createSystemClock()) {
  const asked: string[] = [];
  const transport: VaultTransport = {
    send({ path }) {
      asked.push(path);
      const auth = { client_token: 'token', lease_duration: leaseSeconds, renewable: true };
      return Promise.resolve({ status: 200, body: { auth } });
    },
    close: () => Promise.resolve(),
  };
  const credentials = {
    kind: 'approle',
    roleId: 'role',
    secretId: Secret.of('secret'),
    wrapped: false,
  } as const;
  session = createVaultSession({
    login: createVaultLogin(transport, credentials, clock),
    canLogInAgain: true,
    clock,
    log: createLog('silent', () => undefined),
  });
  return { session, asked };
}

test.each([60 * 86_400, 1e9, Number.MAX_SAFE_INTEGER])(
  'a lease of %p seconds is not renewed at once',
  async (seconds) => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { session: open, asked } = openSession(seconds);
    await open.token();
    await jest.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual(['auth/approle/login']);
  },
);

test('a lease of any length is renewed once a day', async () => {
  const clock = createFakeClock();
  const { session: open, asked } = openSession(1e9, clock);
  await open.token();
  await clock.advance(10 * DAY_MS);
  const renewals = asked.filter((path) => path === 'auth/token/renew-self').length;
  expect(renewals).toBeGreaterThanOrEqual(9);
  expect(renewals).toBeLessThanOrEqual(11);
});

test.each([-1, 0.001, 'soon', 1e300])('a lease of %p seconds is none, and is not taken', async (seconds) => {
  const { session: open } = openSession(seconds, createFakeClock());
  await expect(open.token()).rejects.toMatchObject({ code: 'SECRET_PROVIDER_UNAVAILABLE' });
});
