import { describe, expect, test } from '@jest/globals';
import { createDisposalScope, startInScope } from '@aduana/server-kit/platform/disposal-scope';

describe('what was opened is closed', () => {
  test('the last opened first, one after the other, and once', async () => {
    const closed: string[] = [];
    const scope = createDisposalScope();
    for (const name of ['first', 'second', 'third'])
      scope.add(name, async (opened) => {
        await Promise.resolve();
        closed.push(opened);
      });
    await Promise.all([scope.close(), scope.close()]);
    await scope.close();
    expect(closed).toEqual(['third', 'second', 'first']);
  });

  test('all of it where some fails, and the first failure is reported', async () => {
    const closed: string[] = [];
    const scope = createDisposalScope();
    scope.add('first', (opened) => void closed.push(opened));
    scope.add('second', () => Promise.reject(new Error('second')));
    scope.add('third', () => {
      throw new Error('third');
    });
    await expect(scope.close()).rejects.toThrow('third');
    expect(closed).toEqual(['first']);
  });

  test('where a start fails half-way, which is reported whatever closing does', async () => {
    const closed: string[] = [];
    const start = startInScope(async (scope) => {
      scope.add('first', (opened) => void closed.push(opened));
      scope.add('second', () => Promise.reject(new Error('second')));
      await Promise.reject(new Error('the third step'));
    });
    await expect(start).rejects.toThrow('the third step');
    expect(closed).toEqual(['first']);
  });

  test('not where the start succeeds', async () => {
    const closed: string[] = [];
    const { close } = await startInScope((scope) => {
      scope.add('first', (opened) => void closed.push(opened));
      return Promise.resolve(scope);
    });
    expect(closed).toEqual([]);
    await close();
    expect(closed).toEqual(['first']);
  });
});
