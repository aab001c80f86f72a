import { describe, expect, test } from '@jest/globals';
import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createCallerLimits } from '../../gateway/limits/caller-limits.ts';
import { openAnsweringGateway, START } from '../support/answering-gateway.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { engineOf } from '../support/policy-folder.ts';

// The attacker: a caller whose policy allows a number of requests, and who packs several operations into each.
const engine = await engineOf(`permissions: [strong, none]
conditions: { few: { rate: { limit: 3, per_seconds: 60 } } }
roles: { r: { permissions: [{ allow: strong, when: [few] }] } }
`);
const SECRET = { query: '{ secrets { n } }' };

async function open(perMinute: number | 'off' = 'off') {
  const clock = createFakeClock(START);
  const callers = await createCallerLimits(
    {
      LIMIT_CONCURRENT_OPERATIONS: 'off',
      LIMIT_OPERATIONS_IN_PROGRESS: 'off',
      LIMIT_OPERATIONS_WAITING: 0,
      LIMIT_UNREAD_BYTES: 'off',
      RATE_LIMIT_PER_MINUTE: perMinute,
      REDIS_URL: undefined,
      TRUST_DOMAIN: 'aduana.local',
    },
    {
      clock,
      log: createLog('silent', () => undefined),
      metrics: createMetrics(),
      identity: undefined as never, // asked for by replicas that share a Redis alone
    },
    { rates: createInProcessRateCounter(clock) } as never,
  );
  return openAnsweringGateway(engine, {}, { clock, callers });
}

describe('operations in one batch are counted as they would be one by one', () => {
  test('towards a rate condition of the policies', async () => {
    const { send, asked, clock } = await open();
    const body = JSON.parse(String((await send(Array.from({ length: 5 }, () => SECRET))).body)) as {
      errors?: { extensions: { code: string } }[];
    }[];
    expect(body.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual([
      undefined, undefined, undefined, 'UNAUTHORIZED_FIELD_OR_TYPE', 'UNAUTHORIZED_FIELD_OR_TYPE',
    ]); // prettier-ignore
    expect(asked).toHaveLength(3);
    await clock.advance(120_000);
    expect(JSON.parse(String((await send([SECRET])).body))).not.toHaveProperty('0.errors');
  });

  test('towards the rate of a caller', async () => {
    const { send, asked } = await open(4);
    expect((await send(Array.from({ length: 5 }, () => SECRET))).status).toBe(429);
    expect(asked).toEqual([]);
  });
});
