import { describe, expect, test } from '@jest/globals';
import type { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { Secret } from '@aduana/core/secrets/secret';
import { createCallerLimits } from '../../../gateway/limits/caller-limits.ts';
import type { Caller } from '../../../gateway/stages.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function caller(sub: string, sub_iss = 'https://sts'): Caller {
  return {
    claims: {
      iss: 'https://sts',
      aud: 'gateway',
      sub,
      client_id: sub,
      jti: 'j',
      iat: 0,
      exp: 1,
      scope: '',
      roles: [],
      amr: [],
      auth_time: 0,
      root_jti: '',
      sub_kind: 'service',
      sub_iss,
    },
    subjectToken: Secret.of('t'),
    method: 'client_secret_basic',
    provesPossession: false,
    certificateThumbprint: undefined,
    address: '127.0.0.1',
  } as unknown as Caller;
}

/** Asked for by replicas that share a Redis alone. */
const NO_IDENTITY: Parameters<typeof createCallerLimits>[1]['identity'] = {
  current: () => { throw new TypeError('no identity'); },
  onChange: () => () => undefined,
  stop: () => Promise.resolve(),
}; // prettier-ignore

interface Given {
  concurrent?: number | 'off';
  inProgress?: number | 'off';
  waiting?: number;
  perMinute?: number | 'off';
}

async function open(settings: Given) {
  const clock = createFakeClock();
  const metrics = createMetrics();
  const limits = await createCallerLimits(
    {
      LIMIT_CONCURRENT_OPERATIONS: settings.concurrent ?? 'off',
      LIMIT_OPERATIONS_IN_PROGRESS: settings.inProgress ?? 'off',
      LIMIT_OPERATIONS_WAITING: settings.waiting ?? 0,
      LIMIT_UNREAD_BYTES: 'off',
      RATE_LIMIT_PER_MINUTE: settings.perMinute ?? 'off',
      REDIS_URL: undefined,
      TRUST_DOMAIN: 'aduana.local',
    },
    { clock, log: createLog('silent', () => undefined), metrics, identity: NO_IDENTITY },
  );
  const outcome = (who: Caller) =>
    limits.enter(who).then(
      () => 'ok',
      (error: unknown) => {
        const { code, status, retryAfterSeconds } = error as SecurityError;
        return `${String(status)} ${code} ${String(retryAfterSeconds)}`;
      },
    );
  return { clock, limits, outcome, metrics };
}

describe('limits of a caller', () => {
  test('no more operations at once than allowed, and a place that is given back can be taken', async () => {
    const { limits, outcome } = await open({ concurrent: 2 });
    const leave = await limits.enter(caller('bff'));
    expect(await outcome(caller('bff'))).toBe('ok');
    expect(await outcome(caller('bff'))).toBe('429 CONCURRENCY_LIMITED 1');
    expect(await outcome(caller('bff', 'https://other'))).toBe('ok');
    leave();
    leave();
    expect(await outcome(caller('bff'))).toBe('ok');
    expect(await outcome(caller('bff'))).toBe('429 CONCURRENCY_LIMITED 1');
  });

  test('no more in a minute than allowed, whatever token is shown, and the answer says when to try again', async () => {
    const { clock, outcome } = await open({ perMinute: 2 });
    expect([await outcome(caller('a')), await outcome(caller('a')), await outcome(caller('b'))]).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    await clock.advance(18_000);
    expect(await outcome(caller('a'))).toBe('429 RATE_LIMITED 42');
    await clock.advance(42_000);
    expect(await outcome(caller('a'))).toBe('ok');
  });

  test('a batch counts as many operations as it holds', async () => {
    const { limits, outcome } = await open({ perMinute: 5 });
    (await limits.enter(caller('a')))();
    await limits.countBatch(caller('a'), 4);
    expect(await outcome(caller('a'))).toBe('ok');
    await expect(limits.countBatch(caller('a'), 2)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  test('rate conditions of the policies are counted by their name, each by itself', async () => {
    const { clock, limits } = await open({});
    const conditions = [
      { name: 'few', limit: 1, perSeconds: 10 },
      { name: 'many', limit: 3, perSeconds: 60 },
    ];
    const ask = async () => Object.fromEntries(await limits.countRates(caller('a'), conditions));
    expect([await ask(), await ask(), await ask(), await ask()]).toEqual([
      { few: true, many: true },
      { few: false, many: true },
      { few: false, many: true },
      { few: false, many: false },
    ]);
    await clock.advance(10_000);
    expect(await ask()).toEqual({ few: true, many: false });
    expect((await limits.countRates(caller('b'), [])).size).toBe(0);
  });

  test('a refused rate takes no place', async () => {
    const { limits, outcome } = await open({ perMinute: 1, concurrent: 1 });
    (await limits.enter(caller('a')))();
    expect(await outcome(caller('a'))).toMatch(/RATE_LIMITED/);
    expect(await outcome(caller('a'))).toMatch(/RATE_LIMITED/);
  });

  test('no more operations of all callers at once than allowed: some wait, the others are reported at once', async () => {
    const { clock, limits, outcome, metrics } = await open({ inProgress: 1, waiting: 1 });
    const leave = await limits.enter(caller('a'));
    const waiting = outcome(caller('b'));
    expect(await outcome(caller('c'))).toBe('503 OVERLOADED 1');
    leave();
    leave();
    expect(await waiting).toBe('ok');
    const tooLate = outcome(caller('c'));
    await clock.advance(2_000);
    expect(await tooLate).toBe('503 OVERLOADED 1');
    const { body } = await metrics.expose();
    expect(body).toContain('aduana_operations_in_progress 1');
    expect(body).toContain('aduana_operations_refused_total 2');
  });

  test('who finds no place among all keeps none of its own', async () => {
    const { limits, outcome } = await open({ concurrent: 1, inProgress: 1 });
    const leave = await limits.enter(caller('a'));
    expect(await outcome(caller('b'))).toBe('503 OVERLOADED 1');
    leave();
    expect(await outcome(caller('b'))).toBe('ok');
  });
});
