import { describe, expect, test } from '@jest/globals';
import { followSource } from '@aduana/server-kit/platform/follow-source';
import { createFakeClock } from '../../../support/fake-clock.ts';

const POLL_MS = 1_000;

async function follow(first: string) {
  const source = { text: first, readable: true };
  const clock = createFakeClock();
  const problems: string[] = [];
  const changes: string[] = [];
  const followed = await followSource({
    folder: '/nowhere/to/watch',
    pollMilliseconds: POLL_MS,
    clock,
    read: () =>
      source.readable
        ? Promise.resolve({ sha256: `of ${source.text}`, text: source.text })
        : Promise.reject(new Error('cannot be read')),
    load: ({ text }) => {
      if (text.startsWith('bad')) throw new Error(`${text} is no good`);
      return text.toUpperCase();
    },
    onProblem: (error) => problems.push((error as Error).message),
  });
  followed.onChange((value) => changes.push(value));
  return { source, clock, problems, changes, followed };
}

describe('the last good version of a source', () => {
  test('is replaced by the next good one, which polling finds', async () => {
    const { source, clock, changes, followed } = await follow('one');
    expect(followed.current()).toBe('ONE');
    source.text = 'two';
    await clock.advance(POLL_MS);
    expect([followed.current(), followed.problem, changes]).toEqual(['TWO', undefined, ['TWO']]);
    expect(await followed.reload()).toBe('unchanged');
    await followed.stop();
    expect(clock.pending).toBe(0);
  });

  test('stays while the newest is bad or cannot be read, which is reported once', async () => {
    const { source, clock, problems, changes, followed } = await follow('one');
    source.text = 'bad one';
    await clock.advance(3 * POLL_MS);
    expect([followed.current(), problems]).toEqual(['ONE', ['bad one is no good']]);
    expect(followed.problem).toMatchObject({ message: 'bad one is no good' });
    await expect(followed.reload()).rejects.toThrow('bad one is no good');
    source.text = 'bad two';
    await clock.advance(POLL_MS);
    source.readable = false;
    await clock.advance(3 * POLL_MS);
    expect(problems.slice(1)).toEqual(['bad two is no good', 'cannot be read']);
    Object.assign(source, { text: 'one', readable: true });
    await clock.advance(POLL_MS);
    expect([followed.current(), followed.problem, changes]).toEqual(['ONE', undefined, ['ONE']]);
    await followed.stop();
  });

  test('has to be good at first', async () => {
    await expect(follow('bad')).rejects.toThrow('bad is no good');
  });
});
