import { expect, test } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { openRequestAudit } from '../../gateway/audit/request-audit.ts';
import {
  type OperationContext,
  type OperationDependencies,
  runOperation,
} from '../../gateway/run-operation.ts';
import type { WantedStream } from '../../gateway/streams/open-streams.ts';
import { delegatedOf } from '../support/stream-world.ts';

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
    budget: { turn: () => undefined },
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
