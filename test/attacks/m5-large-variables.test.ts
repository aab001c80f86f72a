import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { readGraphqlRequests } from '../../gateway/http/graphql-request.ts';
import { createMissBudget } from '../../gateway/limits/miss-budget.ts';
import type { Caller } from '../../gateway/stages.ts';
import { openAnsweringGateway } from '../support/answering-gateway.ts';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { createDocumentCheck, type DocumentVerdict } from '../support/document-check.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';
import { engineOf } from '../support/policy-folder.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { openWebSocketWorld } from '../support/websocket-world.ts';

const MANY = 100_000;
const OTHER = { claims: { sub: 'other', sub_iss: 'sts' } } as unknown as Caller;
const wide = Array.from({ length: 200 }, (_, n) => `f${String(n)}: Int = 1`).join(' ');
const { supergraph } = openGuardedFederation({
  one: {
    sdl: `input Wide { ${wide} all: [Wide!] } enum Color { RED }
      type Query { a(wide: [Wide!], ids: [ID!], colors: [[Color]], numbers: [Int!]): Int }`,
    resolvers: {},
  },
});
const check = createDocumentCheck(supergraph);
const list = (element: unknown): unknown[] => Array.from({ length: MANY }, () => element);

test.each([
  ['objects of a type with many fields', '[Wide!]', 'wide', list({}), 'VALID'],
  ['objects within objects', '[Wide!]', 'wide', [{ all: list({ f1: 2 }) }], 'VALID'],
  ['names of enum values', '[[Color]]', 'colors', list(['RED', null]), 'VALID'],
  ['numbers, of which the last is none', '[Int!]', 'numbers', [...list(1), 'x'], 'BAD_USER_INPUT'],
  ['objects, of which the last is none', '[Wide!]', 'wide', [...list({}), 1], 'BAD_USER_INPUT'],
  ['what has none of the types', '[Int!]', 'numbers', list('x'), 'BAD_USER_INPUT'],
])('a variable is checked in a time that its values alone decide: %s', async (_name, type, argument, x, code) => {
  let verdict: DocumentVerdict = { code: '' };
  const document = `query ($x: ${type}) { a(${argument}: $x) }`;
  expect(await cpuMilliseconds(() => (verdict = check(document, { x })))).toBeLessThan(700);
  expect(verdict.code).toBe(code);
}); // prettier-ignore

const json = (variables: string): string => `{"query":"{a}","variables":${variables}}`;

test.each([
  ['elements', `{"x":[${'1,'.repeat(20)}1]}`],
  ['elements of elements', `{"x":[${'[1],'.repeat(10)}1]}`],
  ['members', `{"x":{${Array.from({ length: 21 }, (_, n) => `"m${String(n)}":1`).join()}}}`],
  ['variables', `{${Array.from({ length: 21 }, (_, n) => `"v${String(n)}":1`).join()}}`],
])('a request of too many values is refused before anything is done with them: %s', (_name, variables) => {
  const request = createServiceRequest({ headers: { 'content-type': 'application/json' } });
  const read = (values: number) => () =>
    readGraphqlRequests(request, Buffer.from(json(variables)), { batch: 1, values });
  const refusal: unknown = expect.objectContaining({ code: 'LIMIT_VALUES_EXCEEDED', status: 400 });
  expect(read(20)).toThrow(refusal);
  expect(read(22)).not.toThrow();
});

/** A gateway whose caller has 5,000 ms; whatever is paid for takes 1,000. */
async function openPaidGateway() {
  let cpu = 0;
  const budget = createMissBudget({
    clock: createFakeClock(),
    keptPerMinute: 1_000,
    cpu: () => (cpu += 1_000),
  });
  const limits = { bodyBytes: 10_000_000, batch: 1, values: 'off' } as const;
  const engine = await engineOf('permissions: [strong]\nroles: { r: { permissions: [strong] } }\n');
  const { send } = openAnsweringGateway(engine, {}, { budget, limits });
  const ask = async (variables: object): Promise<number> => {
    const query = 'query ($if: Boolean!) { item @include(if: $if) { n } }';
    return (await send({ query, variables: { if: true, ...variables } })).status;
  };
  expect([await ask({}), await ask({}), await ask({})]).toEqual([200, 200, 200]); // with three misses of caches
  return { budget, ask };
}

test.each([
  ['many values', { list: Array.from({ length: 2_000 }, () => 1) }],
  ['a long text', { text: 'x'.repeat(100_000) }],
])('large variables are paid for by their caller, whose small requests go on: %s', async (_name, variables) => {
  const { budget, ask } = await openPaidGateway();
  expect(await ask(variables)).toBe(200);
  expect(budget.turn(OTHER)).toBeDefined();
  const statuses = [];
  for (let sent = 0; sent < 4; sent += 1) statuses.push(await ask(variables));
  expect(statuses.at(-1)).toBe(429);
  expect(await ask({})).toBe(200);
}); // prettier-ignore

test('so are large messages of a WebSocket, which is closed where nothing is left', async () => {
  let cpu = 0;
  const budget = createMissBudget({ clock: createFakeClock(), keptPerMinute: 1, cpu: () => (cpu += 3_000) });
  const world = await openWebSocketWorld({ more: { budget } });
  try {
    const client = await world.admit();
    const closed = once(client, 'close');
    for (let sent = 0; sent < 3; sent += 1)
      client.send(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(100_000) } }));
    expect((await closed)[0]).toBe(1013);
  } finally {
    await world.close();
  }
});
