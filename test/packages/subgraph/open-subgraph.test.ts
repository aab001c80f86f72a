import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { clientTlsOptions } from '@aduana/core/mtls/tls-options';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import {
  ConfigurationError,
  fromEnvironment,
  type Log,
  openSubgraph,
  type ProtectedSubgraph,
  type SubgraphOptions,
} from '@aduana/subgraph';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execute, parse } from 'graphql';
import { createTestCa, type TestCa } from '../../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../../support/test-identity.ts';
import { FEDERATION_LINK } from '../../support/supergraph-of.ts';

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};

let folder: string;
let ca: TestCa;
let gateway: TestIdentity;
const opened: ProtectedSubgraph[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-subgraph-'));
  ca = await createTestCa();
  await ca.write(folder, ['leads']);
  gateway = await issueTestIdentity(ca, 'gateway');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(opened.splice(0).map((subgraph) => subgraph.close()));
});
afterAll(() => rm(folder, { recursive: true }));

/** Nobody answers at its STS. */
async function open(more: Partial<SubgraphOptions> = {}): Promise<ProtectedSubgraph> {
  const subgraph = await openSubgraph({
    service: 'leads',
    certsDir: folder,
    stsUrl: 'https://localhost:1/sts/token',
    trustDomain: 'aduana.local',
    log: SILENT,
    ...more,
  });
  opened.push(subgraph);
  return subgraph;
}

async function serve(subgraph: ProtectedSubgraph): Promise<number> {
  const admitted = admitNodeHttp(subgraph, (_request, response) => response.end('served'));
  const server = createServer(subgraph.tls, (incoming, response) => {
    if (incoming.url === '/health') response.end('healthy');
    else admitted(incoming, response);
  });
  subgraph.attach(server);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

function ask(
  port: number,
  { as = gateway, certificate = true, url = '/graphql' } = {},
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request({
      ...clientTlsOptions(as.current(), 'spiffe://aduana.local/leads', certificate),
      host: '127.0.0.1',
      port,
      path: url,
      method: 'POST',
      agent: false,
      headers: { authorization: 'Bearer a.b.c' },
    })
      .on('response', (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () => { resolve({ status: answer.statusCode, body }); }); // prettier-ignore
      })
      .on('error', reject)
      .end();
  });
}

describe('openSubgraph', () => {
  test('serves nobody while the STS is away, and is not ready', async () => {
    const subgraph = await open();
    const { status, body } = await ask(await serve(subgraph));
    expect({ status, ready: subgraph.isReady() }).toEqual({ status: 503, ready: false });
    expect(body).toContain('STATUS_UNAVAILABLE');
  });

  test('puts the directives of the schema in force', async () => {
    const subgraph = await open();
    const sdl = `${FEDERATION_LINK} type Query { a: Int @requiresScopes(scopes: [["x"]]) }`;
    const schema = subgraph.guard(
      buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: { Query: { a: () => 1 } } }),
      sdl,
    );
    const { errors } = await execute({ schema, document: parse('{ a }'), contextValue: {} });
    expect(errors?.[0]?.message).toBe('Unauthorized field or type');
    expect(() => subgraph.context({} as never)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
  });

  test('reports a missing certificate before anything listens', async () => {
    await expect(open({ service: 'orders' })).rejects.toThrow(ConfigurationError);
  });

  test('reports every wrong option at once', async () => {
    const wrong = {
      service: 'Leads/..',
      certsDir: '',
      stsUrl: 'http://sts',
      trustDomain: 'A B',
      issuer: 'x',
    };
    await expect(openSubgraph(wrong)).rejects.toMatchObject({
      problems: ['service', 'certsDir', 'stsUrl', 'trustDomain', 'issuer'].map((subject) =>
        expect.objectContaining({ subject }),
      ),
    });
  });

  test('lets nobody connect without a certificate, unless client certificates are only requested', async () => {
    await expect(ask(await serve(await open()), { certificate: false, url: '/health' })).rejects.toThrow();
    const permissive = await serve(await open({ clientCertificates: 'request' }));
    expect(await ask(permissive, { certificate: false, url: '/health' })).toEqual({
      status: 200,
      body: 'healthy',
    });
    expect(await ask(permissive, { certificate: false })).toMatchObject({ status: 403 });
  });

  test('ends a connection whose certificate does not verify, also where it is only requested', async () => {
    const port = await serve(await open({ clientCertificates: 'request' }));
    const foreign = await issueTestIdentity(await createTestCa(), 'gateway');
    const own = gateway.current();
    const mixed = { ...foreign.current(), secureContextOptions: () => ({ ...foreign.current().secureContextOptions(), ca: own.secureContextOptions().ca }) }; // prettier-ignore
    const as = { ...foreign, current: () => mixed } as TestIdentity;
    await expect(ask(port, { as, url: '/health' })).rejects.toThrow();
  });
});

describe('fromEnvironment', () => {
  const FOUR = {
    ADUANA_SERVICE: 'leads',
    ADUANA_CERTS_DIR: '/certs',
    ADUANA_STS_URL: 'https://sts:8011/sts/token',
    ADUANA_TRUST_DOMAIN: 'aduana.local',
  };
  const OPTIONS = {
    service: 'leads',
    certsDir: '/certs',
    stsUrl: 'https://sts:8011/sts/token',
    trustDomain: 'aduana.local',
  };

  test('reads the four variables that a subgraph needs', () => {
    expect(fromEnvironment(FOUR)).toEqual(OPTIONS);
  });

  test("reads none of the host's own variables", () => {
    const names = new Set<string>();
    const host = {
      ...FOUR,
      DATABASE_URL: 'mysql://host/db',
      LOG_LEVEL: 'trace',
      REDIS_URL: 'redis://elsewhere',
      CERTS_DIR: '/elsewhere',
      STS_URL: 'ftp://elsewhere',
      TRUST_DOMAIN: '!',
      AUTHORIZATION_MODE: 'dry_run',
    };
    const watched = new Proxy(host, {
      get: (target, name: string) => (names.add(name), target[name as keyof typeof host]),
    });
    expect(fromEnvironment(watched)).toEqual(OPTIONS);
    expect([...names].filter((name) => !name.startsWith('ADUANA_'))).toEqual([]);
  });

  test('reads the optional ones', () => {
    expect(
      fromEnvironment({
        ...FOUR,
        ADUANA_STS_ISSUER: 'https://issuer',
        ADUANA_PEERS: 'spiffe://aduana.local/gateway, spiffe://aduana.local/bff',
        ADUANA_AUTHORIZATION_MODE: 'dry_run',
      }),
    ).toEqual({
      ...OPTIONS,
      issuer: 'https://issuer',
      peers: ['spiffe://aduana.local/gateway', 'spiffe://aduana.local/bff'],
      mode: 'dry_run',
    });
  });

  test('reports every missing and wrong variable at once, by its name', () => {
    let problems: readonly { subject: string }[] = [];
    try {
      fromEnvironment({
        ADUANA_STS_URL: 'http://x',
        ADUANA_PEERS: 'gateway',
        ADUANA_AUTHORIZATION_MODE: 'off',
      });
    } catch (error) {
      problems = (error as ConfigurationError).problems;
    }
    expect(problems.map(({ subject }) => subject).sort()).toEqual([
      'ADUANA_AUTHORIZATION_MODE',
      'ADUANA_CERTS_DIR',
      'ADUANA_PEERS',
      'ADUANA_SERVICE',
      'ADUANA_STS_URL',
      'ADUANA_TRUST_DOMAIN',
    ]);
  });
});
