import { describe, expect, test } from '@jest/globals';
import {
  firstKeySet,
  keyIn,
  type KeyRecord,
  type KeySet,
  keyStateAt,
  publishedKeys,
  rotate,
  type RotationMode,
} from '@aduana/server-kit/tokens/key-set';
import fc from 'fast-check';

const MINUTE = 60_000;
const TIMING = { leadMilliseconds: 20 * MINUTE, holdMilliseconds: 30 * MINUTE };
const TOKEN_LIFE = 15 * MINUTE;
/** The oldest copy of the JWKS that any verifier uses (foreign `jose` clients: 10 min). */
const JWKS_STALENESS = 10.5 * MINUTE;
/** The oldest copy of the key set that a replica signs with. */
const REPLICA_STALENESS = 10_000;

const fresh = (kid: string): Pick<KeyRecord, 'kid' | 'algorithm' | 'publicJwk'> => ({
  kid,
  algorithm: 'ES256',
  publicJwk: { kty: 'EC', kid },
});
const start = (now = 0): KeySet => firstKeySet(fresh('key-0'), fresh('key-1'), now);
const kids = (set: KeySet, now: number): string[] => publishedKeys(set, now).map(({ kid }) => kid);
const next = (set: KeySet, mode: RotationMode, now: number, kid?: string): KeySet =>
  rotate(set, { mode, kid, now, timing: TIMING, fresh: fresh(`key-${String(set.generation + 1)}`) });

describe('signing-key rotation', () => {
  test('one pending key is published from the first moment, and counts as published since ever', () => {
    expect(kids(start(), 0)).toEqual(['key-0', 'key-1']);
    expect(keyIn(next(start(), 'SCHEDULED', 1), 'ACTIVE').kid).toBe('key-1');
  });

  test('a scheduled rotation within the lead is too early, and shows when it is not', () => {
    const set = next(start(), 'SCHEDULED', 0);
    expect(() => next(set, 'SCHEDULED', TIMING.leadMilliseconds - 1)).toThrow(
      expect.objectContaining({
        code: 'ROTATION_TOO_EARLY',
        status: 409,
        extensions: { notBefore: new Date(TIMING.leadMilliseconds).toISOString() },
      }),
    );
    expect(keyIn(next(set, 'SCHEDULED', TIMING.leadMilliseconds), 'ACTIVE').kid).toBe('key-2');
  });

  test('NOW ignores the lead', () => {
    const set = next(next(start(), 'NOW', 0), 'NOW', 1);
    expect(keyIn(set, 'ACTIVE').kid).toBe('key-2');
  });

  test('the JWKS holds pending, active and retiring keys, and a retiring one until its hold is over', () => {
    const set = next(start(), 'NOW', 0);
    expect(kids(set, TIMING.holdMilliseconds - 1)).toEqual(['key-0', 'key-1', 'key-2']);
    expect(kids(set, TIMING.holdMilliseconds)).toEqual(['key-1', 'key-2']);
  });

  test.each([
    ['the active key', undefined, 'key-1', ['key-1', 'key-2']],
    ['the pending key', 'key-1', 'key-0', ['key-0', 'key-2']],
  ])(
    'a compromise of %s ends it at once and leaves one active and one pending key',
    (_name, kid, active, published) => {
      const set = next(start(), 'COMPROMISED', 0, kid);
      expect(keyIn(set, 'ACTIVE').kid).toBe(active);
      expect(kids(set, 0)).toEqual(published);
    },
  );

  test('a compromise of a retiring key ends it and moves nothing else', () => {
    const before = next(start(), 'NOW', 0);
    const set = next(before, 'COMPROMISED', 1, 'key-0');
    expect([keyIn(set, 'ACTIVE').kid, keyIn(set, 'PENDING').kid]).toEqual(['key-1', 'key-2']);
    expect(kids(set, 1)).toEqual(['key-1', 'key-2']);
  });

  test('a compromise of a key that is not in use is UNKNOWN_KEY', () => {
    expect(() => next(start(), 'COMPROMISED', 0, 'nobody')).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_KEY' }),
    );
  });

  test('over random schedules, every token verifies for its whole life under any copy of the JWKS that is in use', () => {
    const step = fc.record({
      pause: fc.integer({ min: 0, max: 45 * MINUTE }),
      mode: fc.constantFrom<RotationMode>('SCHEDULED', 'SCHEDULED', 'SCHEDULED', 'NOW', 'COMPROMISED'),
      victim: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const history: { at: number; set: KeySet; urgent: boolean }[] = [
          { at: 0, set: start(), urgent: false },
        ];
        let now = 0;
        for (const { pause, mode, victim } of steps) {
          now += pause;
          const { set } = history.at(-1) ?? { set: start() };
          const inUse = kids(set, now);
          const kid = mode === 'COMPROMISED' ? inUse[victim % inUse.length] : undefined;
          try {
            history.push({ at: now, set: next(set, mode, now, kid), urgent: mode !== 'SCHEDULED' });
          } catch {
            // too early: nothing changes
          }
        }
        checkHistory(history, now + 60 * MINUTE);
      }),
      { numRuns: 1_000 },
    );
  });
});

function checkHistory(history: readonly { at: number; set: KeySet; urgent: boolean }[], end: number): void {
  const setAt = (time: number): KeySet => history.filter(({ at }) => at <= time).at(-1)?.set ?? start();
  const revokedAt = (kid: string): number =>
    history.find(({ set }) => set.keys.some((key) => key.kid === kid && key.state === 'REVOKED'))?.at ??
    Infinity;
  for (const [index, { at, set }] of history.entries()) {
    hold(set.keys.filter(({ state }) => state === 'ACTIVE').length === 1, 'one active key');
    hold(set.keys.filter(({ state }) => state === 'PENDING').length === 1, 'one pending key');
    const { kid } = keyIn(set, 'ACTIVE');
    const until = Math.min(history[index + 1]?.at ?? end, end);
    const firstSigned = history.find((one) => keyIn(one.set, 'ACTIVE').kid === kid)?.at ?? 0;
    const promotedByUrgency = history.some((one) => one.at === firstSigned && one.urgent);
    // A replica may sign with what was active a moment ago; verifiers may hold a JWKS that is minutes old.
    for (const minted of [at, (at + until) / 2, until - 1, until + REPLICA_STALENESS])
      for (const asked of [minted, minted + TOKEN_LIFE / 2, minted + TOKEN_LIFE - 1])
        for (const age of promotedByUrgency ? [0] : [0, JWKS_STALENESS / 2, JWKS_STALENESS]) {
          if (asked < at || revokedAt(kid) <= Math.max(asked, minted)) continue;
          const copyAt = asked - age;
          if (copyAt < 0) continue;
          hold(kids(setAt(copyAt), copyAt).includes(kid), 'the key of a living token is published');
        }
  }
  const last = history.at(-1);
  for (const key of last?.set.keys ?? []) {
    if (key.state === 'REVOKED')
      hold(!kids(last?.set ?? start(), last?.at ?? 0).includes(key.kid), 'a revoked key is not published');
    if (key.state === 'RETIRING')
      hold(keyStateAt(key, (key.retiresAt ?? 0) + 1) === 'RETIRED', 'a hold ends');
  }
}

/** `expect` takes most of the time of a thousand schedules. */
function hold(condition: boolean, guarantee: string): void {
  if (!condition) throw new Error(`does not hold: ${guarantee}`);
}
