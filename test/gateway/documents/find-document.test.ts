import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFindDocument } from '../../../gateway/documents/find-document.ts';
import { openTrustedDocuments, type TrustedDocuments } from '../../../gateway/documents/trusted-documents.ts';
import type { GraphqlRequest } from '../../../gateway/http/graphql-request.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';

const QUERY = '{ leads { company } }';
const HASH = sha256Hex(QUERY);
const rights = (...scopes: string[]) => ({
  authenticated: true,
  holdsScope: (scope: string) => scopes.includes(scope),
  holdsPolicy: () => false,
});
const ask = (query: string | undefined, sha256Hash?: unknown): GraphqlRequest => ({
  query,
  operationName: undefined,
  variables: {},
  extensions: sha256Hash === undefined ? {} : { persistedQuery: { version: 1, sha256Hash } },
  queriesOnly: false,
  values: 0,
});
const outcome = (find: () => GraphqlRequest): string => {
  try {
    return find().query ?? 'nothing';
  } catch (error) {
    return `${String((error as SecurityError).status)} ${(error as SecurityError).code}`;
  }
};

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('automatic persisted queries', () => {
  const open = (persisted: boolean) => {
    const find = createFindDocument({ trusted: undefined, persisted, clock: createFakeClock() });
    return (request: GraphqlRequest, ...scopes: string[]) => outcome(() => find(request, rights(...scopes)));
  };

  test('off: a hash alone is not supported, a document with its hash runs', () => {
    const find = open(false);
    expect(find(ask(undefined, HASH))).toBe('200 PERSISTED_QUERY_NOT_SUPPORTED');
    expect(find(ask(QUERY, HASH))).toBe(QUERY);
    expect(find(ask(undefined, HASH))).toBe('200 PERSISTED_QUERY_NOT_SUPPORTED');
    expect(find(ask(QUERY))).toBe(QUERY);
  });

  test('only a caller with the permission registers, every caller may ask', () => {
    const find = open(true);
    expect(find(ask(undefined, HASH))).toBe('200 PERSISTED_QUERY_NOT_FOUND');
    expect(find(ask(QUERY, HASH))).toBe(QUERY);
    expect(find(ask(undefined, HASH))).toBe('200 PERSISTED_QUERY_NOT_FOUND');
    expect(find(ask(QUERY, HASH), 'gateway:documents:register')).toBe(QUERY);
    expect(find(ask(undefined, HASH))).toBe(QUERY);
  });

  test('a document under the hash of another one is refused and not registered', () => {
    const find = open(true);
    expect(find(ask('{ other }', HASH), 'gateway:documents:register')).toBe('400 BAD_REQUEST');
    expect(find(ask(undefined, HASH))).toBe('200 PERSISTED_QUERY_NOT_FOUND');
  });

  test.each([5, ['x'], { a: 1 }, 'x'.repeat(300)])('a malformed hash is refused: %j', (hash) => {
    expect(open(true)(ask(undefined, hash))).toBe('400 BAD_REQUEST');
  });
});

describe('trusted documents', () => {
  const manifest = (...bodies: string[]) =>
    JSON.stringify({
      format: 'apollo-persisted-query-manifest',
      version: 1,
      operations: bodies.map((body) => ({ id: sha256Hex(body), name: 'Q', type: 'query', body })),
    });

  async function open(text: string) {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-documents-'));
    const file = join(folder, 'manifest.json');
    await writeFile(file, text);
    const clock = createFakeClock();
    closers.push(() => rm(folder, { recursive: true }));
    const trusted: TrustedDocuments = await openTrustedDocuments({
      file,
      clock,
      log: createLog('silent', () => undefined),
    });
    closers.unshift(() => trusted.stop());
    const find = createFindDocument({ trusted, persisted: true, clock });
    return {
      file,
      clock,
      trusted,
      find: (request: GraphqlRequest) => outcome(() => find(request, rights('gateway:documents:register'))),
    };
  }

  test('only listed operations run, by id or to the letter, whoever asks', async () => {
    const { find } = await open(manifest(QUERY));
    expect(find(ask(undefined, HASH))).toBe(QUERY);
    expect(find(ask(QUERY))).toBe(QUERY);
    expect(find(ask(QUERY, HASH))).toBe(QUERY);
    expect(find(ask(`${QUERY} `))).toBe('403 DOCUMENT_NOT_TRUSTED');
    expect(find(ask('{ other }', HASH))).toBe('403 DOCUMENT_NOT_TRUSTED');
    expect(find(ask(undefined, sha256Hex('{ other }')))).toBe('403 DOCUMENT_NOT_TRUSTED');
    expect(find(ask(undefined, '__proto__'))).toBe('403 DOCUMENT_NOT_TRUSTED');
    expect(find(ask(undefined))).toBe('nothing');
  });

  test('a changed manifest is followed, a bad one is not', async () => {
    const { file, clock, find, trusted } = await open(manifest(QUERY));
    await writeFile(file, '{"format":"other"}');
    await clock.advance(20_000);
    expect(find(ask(QUERY))).toBe(QUERY);
    await writeFile(file, manifest('{ a }', '{ b }'));
    await until(() => trusted.size === 2, () => clock.advance(5_000)); // prettier-ignore
    expect([find(ask('{ a }')), find(ask(QUERY))]).toEqual(['{ a }', '403 DOCUMENT_NOT_TRUSTED']);
  });

  test.each([
    '',
    '[]',
    '{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}',
    manifest('{ a }', '{ a }'),
  ])('no good manifest at the start: %s', async (text) => {
    await expect(open(text)).rejects.toMatchObject({ name: 'ConfigurationError' });
  });
});
