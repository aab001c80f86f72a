import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Secret } from '@aduana/core/secrets/secret';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { askByEntityTag, askUplink } from '../../../gateway/supergraph/ask-supergraph.ts';
import { createUrlSource, type SupergraphSource } from '../../../gateway/supergraph/supergraph-source.ts';

let folder: string;
let server: Server;
let url: string;
let answer: RequestListener;
const asked: IncomingMessage[] = [];
const lines: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-source-'));
  asked.splice(0);
  lines.splice(0);
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/secret-path/supergraph.graphql`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const copyFile = (): string => path.join(folder, 'supergraph.copy.graphql');

function open(maxBytes = 1_000, copy = copyFile()): SupergraphSource {
  return createUrlSource({
    url,
    ask: askByEntityTag({ url, key: Secret.of('the-bearer-key'), keyHeader: 'authorization', maxBytes }),
    pollMilliseconds: 30_000,
    copyFile: copy,
    log: createLog('debug', (line) => lines.push(line)),
  });
}

describe('a supergraph from a URL', () => {
  test('is asked for with the key, and with the entity tag of the version that is known', async () => {
    answer = (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"v1"' }).end('schema one');
    };
    const source = open();
    const first = await source.read();
    expect(first.text).toBe('schema one');
    expect(await source.read()).toBe(first);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer the-bearer-key',
      'Bearer the-bearer-key',
    ]);
  });

  test('a kept version serves the next start while the URL is away', async () => {
    answer = (_request, response) => response.end('schema one');
    const before = open();
    await before.keep((await before.read()).text);
    answer = (_request, response) => response.writeHead(503).end();
    const after = open();
    expect((await after.read()).text).toBe('schema one');
    expect(after.state()).toMatch(/the last good one serves/);
    expect(lines.join('')).toMatch(/the last good copy serves/);
  });

  test.each<[string, RequestListener, RegExp]>([
    ['an error', (_request, response) => response.writeHead(500).end('internal'), /it answered 500/],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      /it answered 302/,
    ],
    ['more than it may be', (_request, response) => response.end('x'.repeat(2_000)), /SUPERGRAPH_MAX_BYTES/],
    ['nothing', (request) => request.socket.destroy(), /cannot be fetched/],
  ])('%s is refused, and neither key nor path nor answer is repeated', async (_, listener, detail) => {
    answer = listener;
    const failure = (await open()
      .read()
      .catch((error: unknown) => error)) as { code: string; detail: string };
    expect(failure.code).toBe('SUPERGRAPH_INVALID');
    expect(failure.detail).toMatch(detail);
    for (const secret of ['the-bearer-key', 'secret-path', 'internal'])
      expect(failure.detail + lines.join('')).not.toContain(secret);
  });

  test('a copy that cannot be written keeps no supergraph from serving', async () => {
    answer = (_request, response) => response.end('schema one');
    await writeFile(path.join(folder, 'taken'), 'a file, not a folder');
    const source = open(1_000, path.join(folder, 'taken', 'copy.graphql'));
    await source.keep((await source.read()).text);
    expect(lines.join('')).toMatch(/could not be written/);
  });

  test('a later failure is an error, whatever the copy holds: the version in force is newer', async () => {
    await writeFile(copyFile(), 'schema zero');
    answer = (_request, response) => response.end('schema one');
    const source = open();
    await source.read();
    answer = (_request, response) => response.writeHead(500).end();
    await expect(source.read()).rejects.toMatchObject({ code: 'SUPERGRAPH_INVALID' });
    expect(await readFile(copyFile(), 'utf8')).toBe('schema zero');
  });
});

test('a registry that wants its key in a header of its own gets it there, and nowhere else', async () => {
  answer = (_request, response) => response.end('schema one');
  const ask = askByEntityTag({ url, key: Secret.of('the-key'), keyHeader: 'x-hive-cdn-key', maxBytes: 100 });
  expect(await ask(undefined)).toEqual({ text: 'schema one', tag: undefined });
  expect(asked[0]?.headers).toMatchObject({ 'x-hive-cdn-key': 'the-key' });
  expect(asked[0]?.headers.authorization).toBeUndefined();
});

describe('a supergraph from Uplink', () => {
  const uplink = (key = 'service:graph:key') =>
    askUplink({ url, key: Secret.of(key), keyHeader: 'authorization', maxBytes: 1_000 }, 'graph@current');

  function answerUplink(routerConfig: unknown): void {
    answer = (_request, response) => response.end(JSON.stringify({ data: { routerConfig } }));
  }

  test('is asked for by graph, variant, key and the id that is known', async () => {
    const bodies: unknown[] = [];
    answer = (request, response) => {
      void text(request).then((body) => {
        const { variables } = JSON.parse(body) as { variables: { ifAfterId: string | null } };
        bodies.push(variables);
        const routerConfig =
          variables.ifAfterId === 'v1'
            ? { __typename: 'Unchanged' }
            : { __typename: 'RouterConfigResult', id: 'v1', supergraphSdl: 'schema one' };
        response.end(JSON.stringify({ data: { routerConfig } }));
      });
    };
    const ask = uplink();
    expect(await ask(undefined)).toEqual({ text: 'schema one', tag: 'v1' });
    expect(await ask('v1')).toBe('unchanged');
    const key = { apiKey: 'service:graph:key', ref: 'graph@current' };
    expect(bodies).toEqual([
      { ...key, ifAfterId: null },
      { ...key, ifAfterId: 'v1' },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    [
      'a refusal',
      { __typename: 'FetchError', code: 'ACCESS_DENIED', message: 'secret' },
      /refused: ACCESS_DENIED$/,
    ],
    ['a code that is none', { __typename: 'FetchError', code: 'secret <b>' }, /no configuration$/],
    ['another type', { __typename: 'Persisted', id: '1' }, /no configuration$/],
    ['nothing', null, /no configuration$/],
  ])('%s is an error that repeats nothing of it', async (_, routerConfig, message) => {
    answerUplink(routerConfig);
    const error = (await uplink()(undefined).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/secret|service:graph:key/);
  });
});
