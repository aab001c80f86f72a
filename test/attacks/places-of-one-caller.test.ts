import { afterEach, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { DEFAULT_LOAD } from '../../gateway/supergraph/subgraph-load.ts';
import {
  type Forwarding,
  holdSlow,
  openForwarding,
  QUICK,
  QUICK_ANSWER,
  SLOW,
} from '../support/forwarding.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { subgraphRequest } from '../support/subgraph-request.ts';
import { until } from '../support/until.ts';

// The attacker: callers with more slow queries than a subgraph has places.
const PLACES = 16;
const WAITING = 16;

const open: Forwarding[] = [];
let leaving = new AbortController();
afterEach(async () => {
  leaving.abort();
  leaving = new AbortController();
  for (const one of open.splice(0)) await one.close();
});

async function openSubgraph() {
  const load = {
    ...DEFAULT_LOAD,
    circuitBreaker: 'off',
    maxConnections: PLACES,
    maxWaiting: WAITING,
  } as const;
  const forwarding = await openForwarding({ leads: { timeoutMs: 60_000, load } });
  open.push(forwarding);
  const { forward, subgraphs } = forwarding;
  const slow = holdSlow(forwarding, 'leads');
  const refused: string[] = [];
  const { signal } = leaving;
  const ask = (who: string, body = QUICK): Promise<unknown> =>
    forward(subgraphs, {})
      .fetch(subgraphRequest({ subgraph: 'leads', body, signal, caller: delegatedOf(who, {}).caller }))
      .catch((error: unknown) => {
        if (error instanceof SecurityError && error.code === 'OVERLOADED') refused.push(who);
      });
  const flood = (who: string): void => {
    for (let call = 0; call < 4 * PLACES; call += 1) void ask(who, SLOW);
  };
  return { ask, flood, slow, refused, metrics: () => forwarding.metrics() };
}

test('callers that take all the places they can get leave one to whoever comes next', async () => {
  const { ask, flood, slow } = await openSubgraph();
  for (const who of ['hostile', 'accomplice']) flood(who);
  await until(() => slow.length >= PLACES - 1);
  for (let call = 0; call < 5; call += 1) expect(await ask('honest')).toEqual(JSON.parse(QUICK_ANSWER));
});

test('who waits for a place has the next one, whatever others have waiting', async () => {
  const { ask, flood, slow, refused, metrics } = await openSubgraph();
  for (const who of ['hostile', 'accomplice', 'third']) flood(who);
  await until(() => slow.length === PLACES);
  const before = refused.length;
  const waiting = ask('honest');
  await until(async () => (await metrics()).includes(`aduana_subgraph_fetches_waiting{subgraph="leads"} ${String(WAITING - 1)}`)); // prettier-ignore
  for (const response of slow.slice(0, 3)) response.writeHead(200).end(QUICK_ANSWER);
  expect(await waiting).toEqual(JSON.parse(QUICK_ANSWER));
  expect(refused).not.toContain('honest');
  expect(refused).toHaveLength(before);
});
