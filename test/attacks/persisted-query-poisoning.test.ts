import { expect, test } from '@jest/globals';
import { sha256Hex } from '@aduana/core/platform/digest';
import { createFindDocument } from '../../gateway/documents/find-document.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const VICTIM = '{ me { balance } }';
const EVIL = 'mutation { transfer }';

const rights = (...scopes: string[]) => ({
  authenticated: true,
  holdsScope: (scope: string) => scopes.includes(scope),
  holdsPolicy: () => false,
});
const request = (query: string | undefined, sha256Hash: string) => ({
  query,
  operationName: undefined,
  variables: {},
  extensions: { persistedQuery: { version: 1, sha256Hash } },
  queriesOnly: false,
  values: 0,
});

test('nobody puts a document under the hash of another one, whatever the permission', () => {
  const find = createFindDocument({ trusted: undefined, persisted: true, clock: createFakeClock() });
  const registrar = rights('gateway:documents:register');
  expect(() => find(request(EVIL, sha256Hex(VICTIM)), registrar)).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST' }),
  );
  expect(() => find(request(undefined, sha256Hex(VICTIM)), rights())).toThrow(
    expect.objectContaining({ code: 'PERSISTED_QUERY_NOT_FOUND' }),
  );
});

test('a caller without the permission leaves nothing behind, however often it asks', () => {
  const find = createFindDocument({ trusted: undefined, persisted: true, clock: createFakeClock() });
  for (let n = 0; n < 5_000; n += 1)
    find(request(`{ f${String(n)} }`, sha256Hex(`{ f${String(n)} }`)), rights('leads:read'));
  expect(() => find(request(undefined, sha256Hex('{ f1 }')), rights())).toThrow(
    expect.objectContaining({ code: 'PERSISTED_QUERY_NOT_FOUND' }),
  );
});

test('one who may register cannot fill the memory', () => {
  const find = createFindDocument({ trusted: undefined, persisted: true, clock: createFakeClock() });
  const registrar = rights('gateway:documents:register');
  for (let n = 0; n < 5_000; n += 1)
    find(request(`{ f${String(n)} }`, sha256Hex(`{ f${String(n)} }`)), registrar);
  expect(() => find(request(undefined, sha256Hex('{ f0 }')), rights())).toThrow();
  expect(find(request(undefined, sha256Hex('{ f4999 }')), rights()).query).toBe('{ f4999 }');
  const huge = `{ ${'a'.repeat(100_000)} }`;
  find(request(huge, sha256Hex(huge)), registrar);
  expect(() => find(request(undefined, sha256Hex(huge)), rights())).toThrow();
});
