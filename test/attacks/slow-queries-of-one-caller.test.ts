import { afterEach, describe, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { LoadedSubgraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { DEFAULT_LOAD } from '../../gateway/supergraph/subgraph-load.ts';
import { holdSlow, openForwarding, QUICK, SLOW } from '../support/forwarding.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { subgraphRequest } from '../support/subgraph-request.ts';
import { until } from '../support/until.ts';

// The attacker: a caller that asks a subgraph again and again for what takes it longer than its time-out.
const TIMEOUT_MS = 1_500;
const OPEN_MS = 1_500;
const CALLS = 12;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function openSubgraph(own: Partial<LoadedSubgraph> = {}) {
  const load = { ...DEFAULT_LOAD, circuitBreaker: { failures: 10, openMs: OPEN_MS } };
  const forwarding = await openForwarding({ leads: { timeoutMs: TIMEOUT_MS, load, ...own } });
  open.push(forwarding);
  const { forward, subgraphs } = forwarding;
  const slow = holdSlow(forwarding, 'leads');
  const ask = (who: string, body = QUICK, signal = new AbortController().signal): Promise<string> =>
    forward(subgraphs, {})
      .fetch(subgraphRequest({ subgraph: 'leads', body, signal, caller: delegatedOf(who, {}).caller }))
      .then(
        () => 'answered',
        (error: unknown) => (error instanceof SecurityError ? (error.detail ?? error.code) : String(error)),
      );
  const askSlowly = (who: string, calls = CALLS): Promise<string>[] =>
    Array.from({ length: calls }, () => ask(who, SLOW));
  return { ...forwarding, ask, askSlowly, slow };
}

describe('a caller whose queries are slower than their time-out', () => {
  test('keeps the subgraph from nobody who is answered meanwhile', async () => {
    const { ask, askSlowly, slow, metrics } = await openSubgraph();
    const all = Promise.all(askSlowly('hostile'));
    await until(() => slow.length === CALLS);
    expect(await ask('honest')).toBe('answered');
    expect(new Set(await all)).toEqual(new Set([expect.stringContaining('no complete answer in time')]));
    expect(await metrics()).toContain('aduana_subgraph_circuit{subgraph="leads"} 0');
    expect(await ask('honest')).toBe('answered');
  });

  test('is left alone with them itself where nobody else has asked', async () => {
    const { ask, askSlowly, metrics } = await openSubgraph();
    await Promise.all(askSlowly('hostile'));
    expect(await metrics()).toContain('aduana_subgraph_circuit{subgraph="leads"} 2');
    expect(await ask('hostile')).toContain('left alone');
    expect(await ask('honest')).toBe('answered');
  });

  test('has one call among those that try, and so has its accomplice', async () => {
    const { ask, askSlowly, slow } = await openSubgraph();
    await Promise.all(askSlowly('hostile'));
    await Promise.all(askSlowly('accomplice'));
    expect(await ask('honest')).toContain('left alone');
    slow.length = 0;
    await until(() => {
      const asked = slow.length < 2 ? [...askSlowly('hostile', 1), ...askSlowly('accomplice', 1)] : [];
      return asked.length === 0;
    });
    expect(await ask('honest')).toBe('answered');
  });
});

test('a time that our own queue has shortened says nothing of the subgraph', async () => {
  const load = { ...DEFAULT_LOAD, maxConnections: 1, circuitBreaker: { failures: 1, openMs: OPEN_MS } };
  const { ask, slow, metrics } = await openSubgraph({ load });
  const leaving = new AbortController();
  const first = ask('honest', SLOW, leaving.signal);
  await until(() => slow.length === 1);
  const second = ask('honest', SLOW);
  leaving.abort();
  expect(await first).toContain('abandoned');
  expect(await second).toContain('no complete answer in time');
  expect(slow).toHaveLength(2);
  expect(await metrics()).toContain('aduana_subgraph_circuit{subgraph="leads"} 0');
});
