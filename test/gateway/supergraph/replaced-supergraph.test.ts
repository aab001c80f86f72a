import { createLog } from '@aduana/server-kit/platform/create-log';
import { expect, test } from '@jest/globals';
import { createCallerViews } from '../../../gateway/authorize/caller-views.ts';
import { createExecutor } from '../../../gateway/execute/create-executor.ts';
import { createIntrospect } from '../../../gateway/authorize/introspect.ts';
import { createDocumentLimits } from '../../../gateway/limits/document-limits.ts';
import { createNarrow } from '../../../gateway/subgraphs/narrow.ts';
import { createPlan } from '../../../gateway/planner/plan.ts';
import { createAuthorizer } from '../../../gateway/authorize/create-authorizer.ts';
import { createValidate } from '../../../gateway/documents/validate.ts';
import type { LoadedSupergraph } from '../../../gateway/supergraph/loaded-supergraph.ts';
import { collectGarbage } from '../../support/collect-garbage.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../../support/guarded-federation.ts';

const CALLER = { authenticated: true, scopes: [], policies: [] };
const QUERY = '{ a b: secret __schema { queryType { name } } }';

test('a supergraph that was replaced is let go of, with all that was made from it', async () => {
  const serve = openRooms();
  const replaced: WeakRef<LoadedSupergraph>[] = [];
  for (let version = 0; version < 3; version += 1) replaced.push(await serveOnce(serve, version));
  const current = supergraphOf(3);
  await serve(current);
  await serve(current);
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise(setImmediate);
    collectGarbage();
  }
  expect(replaced.map((one) => one.deref()?.hash)).toEqual([undefined, undefined, undefined]);
  expect(current.subgraphs.size).toBe(1);
});

async function serveOnce(
  serve: (supergraph: LoadedSupergraph) => Promise<void>,
  version: number,
): Promise<WeakRef<LoadedSupergraph>> {
  const supergraph = supergraphOf(version);
  for (let time = 0; time < 3; time += 1) await serve(supergraph);
  return new WeakRef(supergraph);
}

function supergraphOf(version: number): LoadedSupergraph {
  const sdl = `type Query { a: Int secret: Int @requiresScopes(scopes: [["x"]]) v${String(version)}: Int }`;
  return openGuardedFederation({ one: { sdl, resolvers: {} } }).supergraph;
}

/** The dependencies of a gateway, as its start opens them. */
function openRooms(): (supergraph: LoadedSupergraph) => Promise<void> {
  const clock = createFakeClock(0);
  const documentLimits = createDocumentLimits({
    LIMIT_TOKENS: 'off', LIMIT_DEPTH: 'off', LIMIT_INTROSPECTION_DEPTH: 'off', LIMIT_ALIASES: 'off', LIMIT_ROOT_FIELDS: 'off',
    LIMIT_DIRECTIVES: 'off', LIMIT_COST: 10_000, LIST_SIZE: 10,
  }); // prettier-ignore
  const views = createCallerViews({ clock });
  const validate = createValidate('off', documentLimits);
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  const introspect = createIntrospect({ mode: 'filtered', views });
  const plan = createPlan({ clock, log: createLog('silent', () => undefined) });
  const narrow = createNarrow();
  const execute = createExecutor({
    kind: 'aduana',
    clock,
    log: createLog('silent', () => undefined),
    operationTimeoutMs: 'off',
    shareInFlight: true,
  });
  const rights = rightsOf(CALLER);
  return async (supergraph) => {
    const { caller, trace } = validatedOf({ document: '{ a }', caller: CALLER });
    const request = { query: QUERY, operationName: undefined, variables: {}, values: 0, queriesOnly: false };
    const validated = await validate(
      { stage: 'delegated', caller, trace },
      request as Parameters<typeof validate>[1],
      supergraph,
      () => views(supergraph, rights, caller),
    );
    const authorized = authorize(validated, supergraph, rights);
    if (authorized.document !== undefined && authorized.operation !== undefined)
      documentLimits.checkOperation(
        authorized.document,
        authorized.operation,
        authorized.variables,
        supergraph.supergraphSchema,
      );
    const planned = await plan(authorized, supergraph);
    const { data } = await execute({
      plan: planned?.plan,
      authorized,
      supergraph,
      narrowings: narrow(planned, authorized, supergraph),
      introspection: introspect(authorized, supergraph, rights),
      fetcher: { forwarded: () => '', fetch: () => Promise.resolve({ data: { a: 1 } }) },
      signal: new AbortController().signal,
    });
    expect(JSON.parse(data)).toMatchObject({ a: 1, b: null });
  };
}
