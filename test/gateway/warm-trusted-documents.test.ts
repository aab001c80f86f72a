import { createLog } from '@aduana/server-kit/platform/create-log';
import { expect, test } from '@jest/globals';
import { parse, print } from 'graphql';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import type { TrustedDocuments } from '../../gateway/documents/trusted-documents.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import type { SupergraphManager } from '../../gateway/supergraph/supergraph-manager.ts';
import { keepTrustedWarm } from '../../gateway/warm-trusted-documents.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { until } from '../support/until.ts';

const USER = 'type U @key(fields: "id") { id: ID!';
const { supergraph } = openGuardedFederation({
  old: { sdl: `type Query { u: U a: Int secret: Int @requiresScopes(scopes: [["s"]]) } ${USER} name: String }`, resolvers: {} },
  next: { sdl: `${USER} name: String @federation__override(from: "old", label: "percent(50)") }`, resolvers: {} },
}); // prettier-ignore

const everything = { authenticated: true, scopes: ['s'], policies: [] };

/** Trusted documents that are planned, the supergraph's planner, and what requests still have to have planned. */
function open(documents: readonly string[]) {
  const clock = createFakeClock();
  const log = createLog('silent', () => undefined);
  const plan = createPlan({ clock, log });
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  let texts = documents;
  const changes: (() => void)[] = [];
  const preparations: ((next: LoadedSupergraph) => Promise<void>)[] = [];
  const planned: string[] = [];
  const watched = (): LoadedSupergraph => ({
    ...supergraph,
    findPlan: (request) => {
      planned.push([print(request.document).replace(/\s+/g, ' '), ...request.overrides].join(' '));
      return supergraph.findPlan(request);
    },
  });
  const current = watched();
  const trusted: TrustedDocuments = {
    byId: () => undefined,
    has: (text) => texts.includes(text),
    texts: () => texts,
    get size() {
      return texts.length;
    },
    onChange: (listener) => void changes.push(listener),
    stop: () => Promise.resolve(),
  };
  const manager = {
    current: () => current,
    beforeUpdate: (prepare: (typeof preparations)[number]) => void preparations.push(prepare),
  } as unknown as SupergraphManager;
  const finish = async (work: Promise<unknown>) => {
    let done = false;
    const ended = work.finally(() => (done = true));
    await until(() => done, () => clock.advance(1)); // prettier-ignore
    await ended;
  };
  return {
    planned,
    current,
    watched,
    finish,
    start: () =>
      finish(keepTrustedWarm({ trusted, supergraph: manager, authorize, plan, platform: { clock, log } })),
    replaceWith: (next: LoadedSupergraph) =>
      finish(Promise.all(preparations.map((prepare) => prepare(next)))),
    async change(next: readonly string[]) {
      texts = next;
      for (const listener of changes) listener();
      await until(() => planned.some((one) => one.includes(print(parse(next[0] ?? '')).replace(/\s+/g, ' '))), () => clock.advance(1)); // prettier-ignore
    },
    /** A request, of whichever trace. */
    ask(document: string, over: LoadedSupergraph, trace = '0', variables = {}) {
      const validated = validatedOf({ document, caller: everything, variables });
      const traced = { ...validated, trace: { ...validated.trace, traceId: trace.padStart(32, '0') } };
      return plan(authorize(traced, over, rightsOf(everything)), over);
    },
  };
}

test('a trusted document is planned before anybody asks, for both choices of a progressive @override', async () => {
  const { start, planned, current, ask } = open(['query Name { u { name } }']);
  await start();
  expect(planned).toEqual(['query Name { u { name } }', 'query Name { u { name } } percent(50)']);
  for (const trace of ['1', '2', '3', '4', '5', '6', '7', '8'])
    expect(await ask('query Name { u { name } }', current, trace)).toBeDefined();
  expect(planned).toHaveLength(2);
});

test('what @skip and @include read is planned for either value', async () => {
  const document = 'query Q($yes: Boolean!) { a secret @include(if: $yes) }';
  const { start, planned, current, ask } = open([document]);
  await start();
  const before = planned.length;
  for (const yes of [true, false]) expect(await ask(document, current, '0', { yes })).toBeDefined();
  expect(planned).toHaveLength(before);
});

test('trusted documents are planned over a new supergraph before it is in force', async () => {
  const { start, planned, watched, replaceWith, ask } = open(['{ a }']);
  await start();
  const next = watched();
  await replaceWith(next);
  const before = planned.length;
  expect(await ask('{ a }', next)).toBeDefined();
  expect(planned).toHaveLength(before);
});

test('a manifest that changes has what is new in it planned', async () => {
  const { start, planned, change, current, ask } = open(['{ a }']);
  await start();
  const before = planned.length;
  await change(['{ secret }', '{ a }']);
  expect(planned.slice(before)).toContain('{ secret }');
  expect(planned.slice(before)).not.toContain('{ a }');
  expect(await ask('{ secret }', current)).toBeDefined();
});

test('documents that do not parse or do not fit the supergraph keep no other one from being planned', async () => {
  const { start, planned } = open(['{', '{ unknown }', 'query ($v: Boolean!) { a @skip(if: $w) }', '{ a }']);
  await start();
  expect(planned).toContain('{ a }');
});
