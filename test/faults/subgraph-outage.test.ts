import { afterEach, describe, expect, test } from '@jest/globals';
import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { LoadedSubgraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { DEFAULT_LOAD } from '../../gateway/supergraph/subgraph-load.ts';
import { type Behave, type Forwarding, openForwarding } from '../support/forwarding.ts';
import { subgraphRequest } from '../support/subgraph-request.ts';
import { underLoad } from '../support/until.ts';

const OPEN_MS = 1_500;
const TIMEOUT_MS = 3_000;
const LOAD = { ...DEFAULT_LOAD, circuitBreaker: { failures: 3, openMs: OPEN_MS } };

const answering =
  (status: number, body: string): Behave =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
const well = answering(200, '{"data":{"ok":true}}');
const hanging: Behave = () => undefined;

const opened: Forwarding[] = [];
afterEach(async () => {
  for (const forwarding of opened.splice(0)) await forwarding.close();
});

async function open(own: Partial<LoadedSubgraph> = {}) {
  const forwarding = await openForwarding({ leads: { timeoutMs: TIMEOUT_MS, load: LOAD, ...own } });
  opened.push(forwarding);
  const { forward, served, subgraphs } = forwarding;
  const leads = served['leads'];
  if (leads === undefined) throw new Error('no subgraph');
  leads.behave = well;
  const ask = async (
    kind: 'query' | 'mutation' = 'query',
    over: ReadonlyMap<string, LoadedSubgraph> = subgraphs,
  ): Promise<{ outcome: Code | 'answered'; detail: string | undefined; milliseconds: number }> => {
    const since = performance.now();
    const result = await forward(over, {})
      .fetch(subgraphRequest({ subgraph: 'leads', operationKind: kind }))
      .then(
        () => ({ outcome: 'answered' as const, detail: undefined }),
        (error: unknown) => {
          if (!(error instanceof SecurityError)) throw error;
          return { outcome: error.code, detail: error.detail };
        },
      );
    return { ...result, milliseconds: performance.now() - since };
  };
  return { ...forwarding, leads, ask };
}

type Ask = Awaited<ReturnType<typeof open>>['ask'];

/** Asks until the subgraph is left alone. */
async function askUntilOpen(ask: Ask): Promise<void> {
  for (let call = 0; call < 400; call += 1) {
    if ((await ask()).detail?.includes('left alone') === true) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the circuit did not open');
}

function until(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describe('a subgraph that is away', () => {
  test('is left alone, answered for at once, and called again soon after it is back', async () => {
    const { ask, leads, log, metrics } = await open();
    expect((await ask()).outcome).toBe('answered');
    await leads.stop();
    await askUntilOpen(ask);
    expect(await metrics()).toContain('aduana_subgraph_circuit{subgraph="leads"} 2');
    for (let call = 0; call < 50; call += 1)
      expect(await ask()).toMatchObject({ outcome: 'SUBGRAPH_UNAVAILABLE' });
    await leads.restart();
    const since = performance.now();
    while ((await ask()).outcome !== 'answered') await until(10);
    expect(performance.now() - since).toBeLessThan(underLoad(2 * OPEN_MS));
    const messages = log.map((line) => JSON.parse(line) as { level: string; msg: string; subgraph: string });
    expect(messages).toMatchObject([
      { level: 'warn', msg: 'a subgraph answers nothing and is left alone', subgraph: 'leads' },
      { level: 'info', msg: 'a subgraph answers again', subgraph: 'leads' },
    ]);
    expect(await metrics()).toContain('aduana_subgraph_circuit{subgraph="leads"} 0');
    expect(await metrics()).toContain('aduana_subgraph_circuit_opened_total{subgraph="leads"} 1');
  });

  test('costs its time-out no more than a few times where it hangs', async () => {
    const { ask, leads } = await open();
    leads.behave = hanging;
    await Promise.all([ask(), ask(), ask()]);
    const calls = await Promise.all(Array.from({ length: 100 }, () => ask()));
    for (const { outcome, milliseconds } of calls) {
      expect(outcome).toBe('SUBGRAPH_UNAVAILABLE');
      expect(milliseconds).toBeLessThan(TIMEOUT_MS / 2);
    }
    await until(OPEN_MS);
    let reached = 0;
    leads.behave = () => void (reached += 1);
    const round = await Promise.all(Array.from({ length: 20 }, () => ask()));
    expect(reached).toBe(1);
    expect(round.filter(({ milliseconds }) => milliseconds > TIMEOUT_MS / 2)).toHaveLength(1);
  });

  test.each<[string, Behave]>([
    ['errors of the server with a GraphQL answer', answering(503, '{"errors":[{"message":"busy"}]}')],
    ['refusals without one', answering(429, 'slow down')],
    ['pages', answering(200, '<html>')],
    ['GraphQL errors', answering(200, '{"errors":[{"message":"no"}],"data":null}')],
  ])(
    '%s do not open it',
    async (_, behave) => {
      const { ask, leads } = await open();
      leads.behave = behave;
      const since = performance.now();
      while (performance.now() - since < 1_300) {
        expect((await ask()).detail ?? '').not.toContain('left alone');
        await until(20);
      }
    },
    240_000,
  );

  test('errors of its proxy open it', async () => {
    const { ask, leads } = await open();
    leads.behave = answering(502, '{"message":"bad gateway"}');
    await askUntilOpen(ask);
  });

  test('sees no mutation while a query could try instead', async () => {
    const { ask, leads } = await open();
    await leads.stop();
    await askUntilOpen(ask);
    await leads.restart();
    await until(OPEN_MS + 50);
    expect((await ask('mutation')).detail).toContain('left alone');
    expect((await ask()).outcome).toBe('answered');
    expect((await ask('mutation')).outcome).toBe('answered');
  });

  test('stays left alone over a swap of the supergraph, until it moves', async () => {
    const { ask, leads, subgraphs } = await open({});
    await leads.stop();
    await askUntilOpen(ask);
    const swapped = (url: (old: string) => string) =>
      new Map([...subgraphs].map(([name, target]) => [name, { ...target, url: url(target.url) }] as const));
    expect(
      (
        await ask(
          'query',
          swapped((url) => url),
        )
      ).detail,
    ).toContain('left alone');
    expect(
      (
        await ask(
          'query',
          swapped((url) => `${url}/v2`),
        )
      ).detail,
    ).toContain('nobody listens');
  });

  test('is called again and again where the circuit breaker is off', async () => {
    const { ask, leads } = await open({ load: { ...LOAD, circuitBreaker: 'off' } });
    await leads.stop();
    const since = performance.now();
    while (performance.now() - since < 1_300) {
      expect((await ask()).detail).toContain('nobody listens');
      await until(20);
    }
  });
});
