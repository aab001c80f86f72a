import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createMissBudget } from '../../gateway/limits/miss-budget.ts';
import type { Caller } from '../../gateway/stages.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { callerNamed } from '../support/named-caller.ts';

const ATTACKER = callerNamed('attacker');
const OTHER = callerNamed('bff');

/** A budget over a clock and a CPU that move by hand, and what ran over it in its order. */
function open() {
  const clock = createFakeClock();
  let cpu = 0;
  const ran: string[] = [];
  const budget = createMissBudget({ clock, keptPerMinute: 1_000, cpu: () => cpu });
  /** One request as the pipeline runs it: its turn, then what its document takes. */
  async function run(caller: Caller, milliseconds: number): Promise<string> {
    try {
      const turn = budget.turn(caller);
      if (turn !== undefined) await turn;
      return budget.spend(caller, () => {
        cpu += milliseconds;
        ran.push(caller.claims.sub);
        return 'ran';
      });
    } catch (error) {
      return String((error as { code?: unknown }).code);
    }
  }
  return { clock, run, ran, budget };
}

test('sixty costly documents of one caller hold up the small one of another for two of them at most', async () => {
  const { run, ran } = open();
  const flood = Array.from({ length: 60 }, () => run(ATTACKER, 250));
  const small = run(OTHER, 1);
  expect(await small).toBe('ran');
  expect(ran.indexOf('bff')).toBeLessThanOrEqual(2);
  const verdicts = await Promise.all(flood);
  expect(verdicts.filter((verdict) => verdict === 'ran').length).toBeLessThanOrEqual(21);
  expect(verdicts).toContain('RATE_LIMITED');
});

test('what one takes is its own: another has all of what is its', async () => {
  const { run } = open();
  for (let n = 0; n < 25; n += 1) await run(ATTACKER, 250);
  expect(await run(ATTACKER, 1)).toBe('RATE_LIMITED');
  expect(await run(OTHER, 4_000)).toBe('ran');
});

test('the refusal says when to come again, and then the caller is served', async () => {
  const { run, clock, budget } = open();
  for (let n = 0; n < 25; n += 1) await run(ATTACKER, 250);
  const spend = (): unknown => budget.spend(ATTACKER, () => 'ran');
  let retryAfterSeconds = 0;
  try {
    spend();
  } catch (error) {
    expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
    ({ retryAfterSeconds = 0 } = error as { retryAfterSeconds?: number });
  }
  expect(retryAfterSeconds).toBeGreaterThan(0);
  await clock.advance(Math.ceil(retryAfterSeconds) * 1_000);
  expect(spend()).toBe('ran');
});

test('one document that takes longer than all of the account is paid for afterwards', async () => {
  const { run, clock } = open();
  expect(await run(ATTACKER, 20_000)).toBe('ran');
  await clock.advance(25_000);
  expect(await run(ATTACKER, 1)).toBe('RATE_LIMITED');
  await clock.advance(6_000);
  expect(await run(ATTACKER, 1)).toBe('ran');
});

test('what fails is paid for as well', () => {
  const { budget } = open();
  let cpu = 0;
  const paid = createMissBudget({ clock: createFakeClock(), keptPerMinute: 1, cpu: () => cpu });
  const fail = () => paid.spend(ATTACKER, () => { cpu += 6_000; throw new RangeError(); }); // prettier-ignore
  expect(fail).toThrow(RangeError);
  expect(fail).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
  expect(budget.turn(ATTACKER)).toBeUndefined();
});

test('nobody waits for a turn where nothing costly runs', async () => {
  const { run, budget } = open();
  await run(ATTACKER, 1);
  expect(budget.turn(OTHER)).toBeUndefined();
  await run(ATTACKER, 100);
  expect(budget.turn(OTHER)).toBeDefined();
  for (let turn = 0; turn < 4; turn += 1) await nextTurn();
  expect(budget.turn(OTHER)).toBeUndefined();
});
