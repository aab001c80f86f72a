import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { clientTlsOptions } from '@aduana/core/mtls/tls-options';
import { openSubgraph } from '@aduana/core/subgraph/open-subgraph';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execute, parse } from 'graphql';
import { createTestCa, type TestCa } from '../../support/test-ca.ts';
import { issueTestIdentity } from '../../support/test-identity.ts';
import { FEDERATION_LINK } from '../../support/guarded-federation.ts';

let folder: string;
let ca: TestCa;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-subgraph-'));
  ca = await createTestCa();
  await ca.write(folder, ['leads']);
});
afterAll(() => rm(folder, { recursive: true }));

/** Nobody answers there. */
const environment = () => ({ CERTS_DIR: folder, STS_ISSUER: 'https://localhost:1', LOG_LEVEL: 'silent' });

test('a subgraph whose STS is away serves nobody, and says that it is not ready', async () => {
  const subgraph = await openSubgraph({ service: 'leads', environment: environment() });
  const server = createServer(subgraph.tls, (incoming, response) => {
    void subgraph.admit(incoming, response).then((token) => token !== undefined && response.end('served'));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const gateway = await issueTestIdentity(ca, 'gateway');
  const status = await new Promise((resolve, reject) => {
    request({
      ...clientTlsOptions(gateway.current(), 'spiffe://aduana.local/leads'),
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      method: 'POST',
      agent: false,
      headers: { authorization: 'Bearer a.b.c' },
    })
      .on('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
      .on('error', reject)
      .end();
  });
  expect(subgraph.isReady()).toBe(false);
  expect(status).not.toBe(200);
  server.closeAllConnections();
  server.close();
  await subgraph.close();
});

test('the directives of the schema are in force', async () => {
  const subgraph = await openSubgraph({ service: 'leads', environment: environment() });
  const sdl = `${FEDERATION_LINK} type Query { a: Int @requiresScopes(scopes: [["x"]]) }`;
  const schema = subgraph.guard(
    buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: { Query: { a: () => 1 } } }),
    sdl,
  );
  const { errors } = await execute({ schema, document: parse('{ a }'), contextValue: {} });
  expect(errors?.[0]?.message).toBe('Unauthorized field or type');
  expect(() => subgraph.context({} as never)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
  await subgraph.close();
});

test('a missing certificate is told before anything listens', async () => {
  await expect(openSubgraph({ service: 'orders', environment: environment() })).rejects.toThrow(
    ConfigurationError,
  );
});
