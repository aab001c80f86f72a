import { describe, expect, test } from '@jest/globals';
import { readRotationTiming, STS_SETTINGS } from '../../../subgraphs/sts/config.ts';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('the timing of rotations', () => {
  const timing = (environment: Record<string, string>) =>
    readRotationTiming(loadConfig(STS_SETTINGS, environment));
  test.each([
    ['SIGNING_KEY_LEAD', '10m'],
    ['SIGNING_KEY_HOLD', '15m'],
    ['SIGNING_KEY_ROTATION_INTERVAL', '5m'],
  ])('a %s of %s refuses to start', (name, value) => {
    expect(() => timing({ [name]: value })).toThrow(name);
  });
  test('the defaults hold', () => {
    expect(timing({})).toEqual({ leadMilliseconds: 1_200_000, holdMilliseconds: 1_800_000 });
  });
});

describe('the schedule', () => {
  test('rotates when the interval has passed, and not before', async () => {
    const { scheduleKeyRotation } = await import('../../../subgraphs/sts/keys/key-schedule.ts');
    const clock = createFakeClock();
    const start = clock.now();
    const rotations: number[] = [];
    let activatesAt = start;
    const schedule = scheduleKeyRotation(
      3_600_000,
      { keySet: () => ({ generation: 1, keys: [{ state: 'ACTIVE', activatesAt }] }) as never },
      () => {
        activatesAt = clock.now();
        rotations.push(clock.now() - start);
        return Promise.resolve({ active: { kid: 'next' } } as never);
      },
      { clock, log: { info: () => undefined, error: () => undefined } as never },
    );
    await clock.advance(3_500_000);
    expect(rotations).toEqual([]);
    await clock.advance(8_000_000);
    expect(rotations.length).toBeGreaterThanOrEqual(2);
    const [first = 0, second = 0] = rotations;
    for (const span of [first, second - first]) {
      expect(span).toBeGreaterThanOrEqual(3_600_000);
      expect(span).toBeLessThan(4_100_000);
    }
    await schedule.stop();
  });
});
