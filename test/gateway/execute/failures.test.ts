import { expect, it } from '@jest/globals';
import { createTestExecutor, describeCompletions } from '../../support/test-executor.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { down, SHOP, UNAVAILABLE } from '../../support/shop-federation.ts';

describeCompletions('failures', (executor) => {
  it('a subgraph that is down leaves the rest, and an error at each of its root fields', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ v: version b: best product { name } }', {
      answer: down('products'),
    });
    expect(data).toEqual({ v: null, b: 'all', product: null });
    expect(errors).toEqual([
      { ...UNAVAILABLE, path: ['v'] },
      { ...UNAVAILABLE, path: ['product'] },
    ]);
  });

  it('an entity fetch that fails is reported at its fields, under lists at the list', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { id r: rating } products { rating } }', {
      answer: down('reviews'),
    });
    expect(data).toEqual({
      product: { id: '1', r: null },
      products: [{ rating: null }, null, { rating: null }, { rating: null }],
    });
    expect(errors).toEqual([
      { ...UNAVAILABLE, path: ['product', 'r'] },
      { ...UNAVAILABLE, path: ['products'] },
    ]);
  });

  it('a non-null field that a failed fetch owed nulls its object, and is reported once', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { id stars } }', {
      answer: down('reviews'),
    });
    expect(data).toEqual({ product: null });
    expect(errors).toEqual([{ ...UNAVAILABLE, path: ['product', 'stars'] }]);
  });

  it('a null bubbles to the root', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ must { stars } best }', { answer: down('reviews') });
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['must', 'stars'] }, { path: ['best'] }]);
  });

  it('what the caller may not have is null and reported first, without a second error for the nulls above it', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ product { name secret } version }');
    expect(data).toEqual({ product: null, version: 'v1' });
    expect(errors).toEqual([
      {
        message: 'Unauthorized field or type',
        path: ['product', 'secret'],
        extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
      },
    ]);
  });

  it('an operation that nothing can be fetched for is an error, not a null', async () => {
    await expect(SHOP.ask(executor, '{ product { id } }', { withoutPlan: true })).rejects.toMatchObject({
      code: 'OPERATION_NOT_PLANNABLE',
    });
  });

  it('ends when the client leaves, and calls nothing more', async () => {
    const client = new AbortController();
    const calls: string[] = [];
    const asked = SHOP.ask(executor, '{ product { rating } }', {
      signal: client.signal,
      answer: ({ subgraph }, signal) => {
        calls.push(subgraph);
        client.abort(new Error('left'));
        expect(signal.aborted).toBe(true);
        return undefined;
      },
    });
    await expect(asked).rejects.toThrow('left');
    expect(calls).toEqual(['products']);
  });
});

describeCompletions('the deadline', (_, completion) => {
  it('ends with what is there, and an error where something is missing', async () => {
    const clock = createFakeClock(0);
    const executor = createTestExecutor({ clock, operationTimeoutMs: 100, completion });
    let reached: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (reached = resolve));
    const asked = SHOP.ask(executor, '{ version product { name rating } best }', {
      answer: ({ subgraph, query }) => {
        if (subgraph !== 'reviews' || !query.includes('_entities')) return undefined;
        reached();
        return new Promise(() => undefined);
      },
    });
    await waiting;
    await clock.advance(100);
    const { data, errors } = await asked;
    expect(data).toEqual({ version: 'v1', product: { name: 'name 1', rating: null }, best: 'all' });
    expect(errors).toEqual([{ ...UNAVAILABLE, path: ['product', 'rating'] }]);
  });
});
