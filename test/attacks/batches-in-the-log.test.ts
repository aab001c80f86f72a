import { expect, test } from '@jest/globals';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { openRequestAudit, requestRecord } from '../../gateway/audit/request-audit.ts';
import { openAnsweringGateway } from '../support/answering-gateway.ts';
import { engineOf } from '../support/policy-folder.ts';

// The attacker: a caller who hides an operation in a batch, before one that nobody wonders at.
const engine = await engineOf('permissions: [strong]\nroles: { r: { permissions: [strong] } }\n');
const HARMLESS = { query: 'query Harmless { item { n } }' };
const HIDDEN = { query: 'query Hidden { item { secret } }' };
const CHANGE = { query: 'mutation Change { change }' };
const REFUSED = { query: 'query Refused { item { never } }' };
const BROKEN = { query: 'query Broken { nothing }' };
const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };

async function recordOf(batch: readonly object[]) {
  const { send, records } = openAnsweringGateway(engine, {});
  await send(batch);
  return { records, request: records.find(({ type }) => type === 'request') };
}

test('the event of a batch names every operation, its document and what became of it', async () => {
  const { request } = await recordOf([HIDDEN, REFUSED, BROKEN, HARMLESS]);
  expect(request?.detail?.['operations']).toEqual([
    expect.objectContaining({ operation_name: 'Hidden', operation_kind: 'query', outcome: 'ALLOWED' }),
    expect.objectContaining({ operation_name: 'Refused', outcome: 'PARTIAL' }),
    expect.objectContaining({ operation_name: null, outcome: 'FAILED', code: 'GRAPHQL_VALIDATION_FAILED' }),
    expect.objectContaining({ operation_name: 'Harmless', outcome: 'ALLOWED' }),
  ]);
  const operations = request?.detail?.['operations'] as readonly {
    readonly document_sha256: string | null;
  }[];
  expect(new Set(operations.map(({ document_sha256: hash }) => hash)).size).toBe(4);
  expect(request?.outcome).toBe('PARTIAL');
  expect(request?.request?.fields).toEqual(expect.arrayContaining(['Item.secret', 'Item.n']));
});

test('a mutation stands for its batch, wherever it stands in it', async () => {
  const { request, records } = await recordOf([HARMLESS, CHANGE, HARMLESS]);
  expect(request?.request).toMatchObject({ operation_name: 'Change' });
  expect(request?.detail).toMatchObject({ operation_kind: 'mutation' });
  expect(records.find(({ type }) => type === 'request.intent')?.request).toMatchObject({
    operation_name: 'Change',
    fields: ['Mutation.change'],
  });
});

test.each([[[BROKEN, HARMLESS]], [[HARMLESS, BROKEN]]])(
  'one that failed is not hidden by another: %#',
  async (batch) => {
    const { request } = await recordOf(batch);
    expect(request?.outcome).toBe('FAILED');
    expect(request?.detail).toMatchObject({ code: 'GRAPHQL_VALIDATION_FAILED' });
  },
);

test('a request that is no batch is recorded as before', async () => {
  const { send, records } = openAnsweringGateway(engine, {});
  await send(HARMLESS);
  expect(records.at(-1)?.request).toMatchObject({ operation_name: 'Harmless' });
  expect(records.at(-1)?.detail).not.toHaveProperty('operations');
});

test('of a batch without end the event names mutations first, and counts what it does not name', () => {
  const one = openRequestAudit('one');
  const long = {
    ...one,
    operationName: 'n'.repeat(10_000),
    operationKind: 'query',
    documentHash: sha256Base64url('a'),
  };
  const mutation = {
    ...one,
    operationName: 'Change',
    operationKind: 'mutation',
    documentHash: sha256Base64url('b'),
  };
  const operations = [...Array.from({ length: 5_000 }, () => long), mutation];
  const { detail } = requestRecord({ ...one, operations }, trace, '127.0.0.1');
  const named = detail?.['operations'] as readonly { readonly operation_name: string }[];
  expect(named[0]).toMatchObject({ operation_name: 'Change', operation_kind: 'mutation' });
  expect(Number(detail?.['more_operations']) + named.length).toBe(5_001);
  expect(JSON.stringify(detail).length).toBeLessThan(20_000);
});
