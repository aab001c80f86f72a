import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sha256Base64url, sha256Hex } from '@aduana/core/platform/digest';
import { Redis } from 'ioredis';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Agent, request as send } from 'undici';
import { describeRedis, redisUrl } from '../support/redis.ts';
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { type SecondGateway, startSecondGateway } from '../support/second-gateway.ts';
import { LONGEST_WAIT_MS, underLoad } from '../support/until.ts';
import { composeWith } from '../support/composed-with.ts';
import { forgetCounters, untilReplicasMet } from '../support/gateway-replicas.ts';

const BOUND_MS = 2_000;
/** Below what the gateway waits for a subgraph. */
const MOST_SLOW_MS = 3_000;
const AT_ONCE = 8;
const PER_MINUTE = 150;
/** Counters have names of the deployment's own: a database of Redis keeps them apart from other deployments'. */
const REDIS_DATABASE = 13;

describeRedis('two gateways behind a load balancer', () => {
  const bff = randomBytes(32).toString('base64url');
  let folder: string;
  let deployment: TestDeployment;
  let second: SecondGateway;
  let balancer: RoundRobin;
  let slow: Server;
  let redis: Redis;
  let environment: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-two-'));
    slow = createServer((request, response) => {
      request.resume().on('end', () => {
        setTimeout(() => response.end('{"data":{"slow":"at last"}}'), Math.min(MOST_SLOW_MS, underLoad(750)));
      });
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const url = new URL(redisUrl ?? '');
    url.pathname = `/${String(REDIS_DATABASE)}`;
    redis = new Redis(url.href);
    await forgetCounters(redis);
    await cp('policies', join(folder, 'policies'), { recursive: true });
    // They would refuse what is changed below.
    await rm(join(folder, 'policies/iam_policies.test.yaml'));
    environment = {
      REDIS_URL: url.href,
      POLICIES_DIR: join(folder, 'policies'),
      SUPERGRAPH_SDL: join(folder, 'supergraph.graphql'),
      SUPERGRAPH_CONFIG: join(folder, 'supergraph.yaml'),
      LIMIT_CONCURRENT_OPERATIONS: String(AT_ONCE),
      RATE_LIMIT_PER_MINUTE: String(PER_MINUTE),
      PERSISTED_QUERIES: 'on',
      SHARE_IN_FLIGHT: 'off',
      BFF_CLIENT_SECRET: bff,
    };
    await writeSupergraph('');
    deployment = await startTestDeployment({ folder, environment });
    second = await startSecondGateway(deployment, environment);
    balancer = await startRoundRobin([deployment.ports.GATEWAY_HTTP_PORT, second.port]);
    await untilReplicasMet(redis);
  });
  afterAll(async () => {
    await balancer.close();
    expect(await second.stop()).toBe(0);
    expect(await deployment.stop()).toBe(0);
    slow.closeAllConnections();
    slow.close();
    await forgetCounters(redis);
    redis.disconnect();
    await rm(folder, { recursive: true, force: true });
  });

  async function writeSupergraph(more: string): Promise<void> {
    const url = `http://127.0.0.1:${String((slow.address() as AddressInfo).port)}/`;
    const config = await readFile('gateway/supergraph.yaml', 'utf8');
    const entry = `  slow: { routing_url: "${url}", schema: { file: none }, aduana: { audience: leads } }\n`;
    await writeFile(environment['SUPERGRAPH_CONFIG'] ?? '', `${config}\n${entry}`);
    const own = { name: 'slow', url, origin: 'slow', sdl: `type Query { slow: String ${more} }` };
    await writeFile(environment['SUPERGRAPH_SDL'] ?? '', await composeWith(own));
  }

  const tokenOf = async (service: string): Promise<string> =>
    (await deployment.aduana('token', '--as', service)).stdout.trim();
  const ports = () => [deployment.ports.GATEWAY_HTTP_PORT, second.port];

  async function ask(
    port: number,
    headers: Readonly<Record<string, string>>,
    body: object,
  ): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://localhost:${String(port)}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  /** How long until both say what is expected, in milliseconds. */
  async function untilBoth(isSo: (port: number) => Promise<boolean>): Promise<number> {
    const started = performance.now();
    for (const port of ports())
      while (!(await isSo(port))) {
        if (performance.now() - started > LONGEST_WAIT_MS) throw new Error('one of them does not follow');
        await pause(250);
      }
    return performance.now() - started;
  }

  /** Asks as many times as is said; answers how often each status came. */
  async function statusesOf(times: number, token: string, query: string): Promise<Record<string, number>> {
    const answers = await Promise.all(
      Array.from({ length: times }, () => ask(balancer.port, bearer(token), { query })),
    );
    const counts: Record<string, number> = {};
    for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  test('a caller has as many operations at once as allowed, not twice as many', async () => {
    const token = await tokenOf('auditor');
    expect(await statusesOf(2 * AT_ONCE, token, '{ slow }')).toEqual({ 200: AT_ONCE, 429: AT_ONCE });
    expect(await statusesOf(AT_ONCE, token, '{ slow }')).toEqual({ 200: AT_ONCE });
  });

  test('a caller has as many operations in a minute as allowed, exactly', async () => {
    const token = await tokenOf('actuator');
    const counts = { 200: 0, 429: 0 };
    for (let sent = 0; sent < PER_MINUTE + 20; sent += 5) {
      const five = Array.from({ length: 5 }, () =>
        ask(balancer.port, bearer(token), { query: '{ __typename }' }),
      );
      for (const { status } of await Promise.all(five)) counts[status as 200 | 429] += 1;
    }
    expect(counts).toEqual({ 200: PER_MINUTE, 429: 20 });
  });

  test('a DPoP proof works once, whichever of them sees it', async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const prove = (htu: string, token?: string): Promise<string> =>
      new SignJWT({
        htm: 'POST',
        htu,
        iat: Math.floor(Date.now() / 1000),
        jti: randomBytes(16).toString('hex'),
        ...(token === undefined ? {} : { ath: sha256Base64url(token) }),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(pair.privateKey);
    const tokenUrl = `https://localhost:${String(deployment.ports.STS_PORT)}/sts/token`;
    const dispatcher = new Agent({ connect: { ca: await readFile(join(folder, 'certs/ca.crt'), 'utf8') } });
    const issued = await send(tokenUrl, {
      method: 'POST',
      dispatcher,
      headers: {
        authorization: `Basic ${Buffer.from(`bff:${bff}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        dpop: await prove(tokenUrl),
      },
      body: 'grant_type=client_credentials',
    });
    const { access_token: token } = (await issued.body.json()) as { access_token: string };
    await dispatcher.close();

    const url = `http://localhost:${String(balancer.port)}/graphql`;
    const show = async (proof: string): Promise<number> =>
      (await ask(balancer.port, { authorization: `DPoP ${token}`, dpop: proof }, { query: '{ __typename }' }))
        .status;
    const proof = await prove(url, token);
    expect([await show(proof), await show(proof), await show(proof)]).toEqual([200, 401, 401]);
    const fresh = await prove(url, token);
    const raced = await Promise.all([show(fresh), show(fresh)]);
    expect(raced.sort()).toEqual([200, 401]);
  });

  test('a revoked token is refused by both within two seconds', async () => {
    const [operator, token] = await Promise.all([tokenOf('operator'), tokenOf('bff')]);
    const accepts = async (port: number): Promise<boolean> =>
      (await ask(port, bearer(token), { query: '{ __typename }' })).status === 200;
    expect([await accepts(ports()[0] ?? 0), await accepts(ports()[1] ?? 0)]).toEqual([true, true]);
    const query = `mutation { revokeToken(jti: "${String(decodeJwt(token).jti)}", reason: "a test") { jti } }`;
    expect((await ask(balancer.port, bearer(operator), { query })).text).toContain('"jti"');
    expect(await untilBoth(async (port) => !(await accepts(port)))).toBeLessThan(underLoad(BOUND_MS));
  });

  test('a document registered at one of them is asked for by the other, as the protocol has it', async () => {
    const operator = bearer(await tokenOf('operator'));
    const query = '{ __typename }';
    const extensions = { persistedQuery: { version: 1, sha256Hash: sha256Hex(query) } };
    const [one = 0, other = 0] = ports();
    expect((await ask(one, operator, { query, extensions })).status).toBe(200);
    expect((await ask(one, operator, { extensions })).text).toBe('{"data":{"__typename":"Query"}}');
    expect((await ask(other, operator, { extensions })).text).toContain('PersistedQueryNotFound');
    expect((await ask(other, operator, { query, extensions })).status).toBe(200);
    expect((await ask(other, operator, { extensions })).text).toBe('{"data":{"__typename":"Query"}}');
  });

  test('both swap in a new supergraph', async () => {
    const operator = bearer(await tokenOf('operator'));
    const knows = async (port: number): Promise<boolean> =>
      (await ask(port, operator, { query: '{ __type(name: "Query") { fields { name } } }' })).text.includes(
        '"further"',
      );
    expect(await knows(second.port)).toBe(false);
    await writeSupergraph('further: String');
    await untilBoth(knows);
  });

  test('both follow the policies', async () => {
    const token = await tokenOf('bff');
    const isRefused = async (port: number): Promise<boolean> =>
      (await ask(port, bearer(token), { query: '{ leads { company } }' })).text.includes(
        'UNAUTHORIZED_FIELD_OR_TYPE',
      );
    expect(await isRefused(second.port)).toBe(false);
    const file = join(folder, 'policies/iam_policies.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(
      file,
      text.replace('permissions: [leads:read, campaigns:read]', 'permissions: [campaigns:read]'),
    );
    await untilBoth(isRefused);
  });
});
