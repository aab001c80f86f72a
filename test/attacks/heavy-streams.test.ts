import { expect, test } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { openRequestAudit } from '../../gateway/audit/request-audit.ts';
import { UNLIMITED } from '../../gateway/limits/miss-budget.ts';
import {
  type OperationContext,
  type OperationDependencies,
  runOperation,
} from '../../gateway/run-operation.ts';
import type { WantedStream } from '../../gateway/streams/open-streams.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { streamEngineWith } from '../support/stream-rights.ts';
import { createFeeds } from '../support/stream-feeds.ts';
import { delegatedOf, openStreamWorld } from '../support/stream-world.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

// The attacker: the least caller, with a hundred streams, each with a mebibyte of empty lists that nothing asks for: thirteen
// mebibytes of memory for as long as the stream is open.
test('a stream keeps nothing of its request that its document does not ask for', async () => {
  const query = 'subscription ($id: ID) { leadChanged(id: $id) }';
  const document = parse(query);
  const operation = getOperationAST(document);
  const sent = {
    query,
    operationName: undefined,
    variables: { id: 'a', other: [[], []] },
    extensions: { more: [[], []] },
    queriesOnly: false,
    values: 0,
  };
  const validated = {
    document,
    operation,
    variables: { id: 'a' },
    documentHash: '',
    operationName: undefined,
  };
  const authorized = { refusals: [], unenforced: [], fields: [], shape: { rootType: 'Subscription' } };
  const dependencies = {
    budget: UNLIMITED,
    findDocument: (request: object) => request,
    validate: () => validated,
    authorize: () => authorized,
    refusals: 'errors',
  } as unknown as OperationDependencies;
  const opened: WantedStream[] = [];
  const context = {
    supergraph: { requirements: { distinct: [] }, supergraphSchema: buildSchema('type Query { a: ID }') },
    rights: {},
    requestAudit: openRequestAudit('a'),
    openStream(wanted: WantedStream) {
      opened.push(wanted);
      return Promise.resolve({});
    },
  } as unknown as OperationContext;
  await runOperation(delegatedOf('a', {}), sent, dependencies, context);
  expect(opened[0]?.request).toEqual({ ...sent, variables: { id: 'a' }, extensions: {} });
});

// The same caller, whose documents do ask for what it sends.
test('the requests of open streams have a room, of which one caller has half at most', async () => {
  const supergraph = supergraphOf({
    items: 'type Query { n: Int } type Subscription { changed: Int @requiresScopes(scopes: [["read"]]) }',
  });
  const world = openStreamWorld(createFakeClock(), supergraph, await streamEngineWith('read'));
  const { fetcher } = createFeeds();
  const claims = { roles: ['r'], scope: 'read' };
  const large = `subscription { changed } #${'x'.repeat(20 * 1024 * 1024)}`;
  const first = await world.open(delegatedOf('a', claims), large, fetcher);
  await expect(world.open(delegatedOf('a', claims), large, fetcher)).rejects.toMatchObject({
    code: 'STREAMS_LIMITED',
    status: 429,
  });
  await expect(world.open(delegatedOf('b', claims), large, fetcher)).resolves.toBeDefined();
  first.leave();
  await expect(world.open(delegatedOf('a', claims), large, fetcher)).resolves.toBeDefined();
});

// The same caller, who revokes one token of its own after the other: each is an entry of the status feed.
test('what is revoked of others costs an open stream a look at its caller, and no decision', async () => {
  const clock = createFakeClock();
  const supergraph = supergraphOf({
    items: 'type Query { n: Int } type Subscription { changed: Int @requiresScopes(scopes: [["read"]]) }',
  });
  let decided = 0;
  const onAuthorize = (): void => void (decided += 1);
  const world = openStreamWorld(clock, supergraph, await streamEngineWith('read'), { onAuthorize });
  const { fetcher, feeds } = createFeeds();
  const stream = await world.open(
    delegatedOf('a', { roles: ['r'], scope: 'read' }),
    'subscription { changed }',
    fetcher,
  );
  await clock.advance(1_000);
  const before = decided;
  for (let count = 0; count < 100; count += 1) {
    world.status.end('token', `other-${String(count)}`);
    await clock.advance(0);
  }
  feeds[0]?.listener.onResult({ data: { changed: 1 } }, 10);
  await clock.advance(0);
  expect(decided).toBe(before);
  expect(stream.client.messages).toHaveLength(1);
  world.status.end('token', 'jti-a');
  await clock.advance(0);
  expect(stream.client.ended).toMatchObject({ reason: 'revoked' });
});
