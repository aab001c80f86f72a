import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSecureClient, type SecureClient, type SecurePeer } from '@aduana/core/client/secure-client';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/core/platform/log';
import { createSecretProvider } from '@aduana/core/secrets/create-secret-provider';
import { clientSecretName } from '@aduana/core/secrets/client-secrets';
import type { SecretProvider } from '@aduana/core/secrets/secret-provider';
import { startTestHouse, type TestHouse } from '../support/running-house.ts';

const PAUSE_MS = 20; // 50 requests a second
const QUERY = JSON.stringify({ query: '{ leads { company score campaign { name } } }' });
const clock = createSystemClock();
const log = createLog('silent', () => undefined);
let house: TestHouse;
let identity: TlsIdentity;
let client: SecureClient;
let gateway: SecurePeer;
let anonymous: SecurePeer;
let secrets: SecretProvider;

beforeAll(async () => {
  house = await startTestHouse();
  const certsDir = join(house.folder, 'certs');
  const trustDomain = 'aduana.local';
  identity = await loadTlsIdentity({
    certsDir,
    service: 'bff',
    trustDomain,
    acceptsConnections: false,
    clock,
    log,
  });
  client = createSecureClient({ identity, clock, log });
  const peer = {
    origin: `https://localhost:${String(house.ports.GATEWAY_TLS_PORT)}`,
    spiffeId: `spiffe://${trustDomain}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  } as const;
  gateway = client.peer(peer);
  anonymous = client.peer({ ...peer, clientCertificate: false });
  const settings = { ADUANA_HOME: join(house.folder, 'home'), SECRET_PROVIDER: 'local' } as const;
  secrets = await createSecretProvider({ settings, environment: {}, clock, log });
}, 90_000);

afterAll(async () => {
  await client.close();
  await identity.stop();
  await secrets.close();
  await house.stop();
});

/** One query as the BFF, by its certificate or by its secret; undefined: answered without an error. */
async function ask(turn: number): Promise<string | undefined> {
  const bySecret = turn % 2 === 1;
  const secret = bySecret ? (await secrets.get(clientSecretName('bff')))?.value.reveal() : undefined;
  const basic = Buffer.from(`bff:${secret ?? ''}`).toString('base64');
  try {
    const { status, body } = await (bySecret ? anonymous : gateway).request({
      method: 'POST',
      path: '/graphql',
      headers: {
        'content-type': 'application/json',
        ...(bySecret ? { authorization: `Basic ${basic}` } : {}),
      },
      body: QUERY,
      timeoutMilliseconds: 7000,
      maxResponseBytes: 1_000_000,
    });
    const answer = JSON.parse(body.toString()) as { data?: { leads?: unknown } | null; errors?: unknown };
    if (status === 200 && answer.errors === undefined && answer.data?.leads != null) return undefined;
    return `${String(status)} ${body.toString().slice(0, 300)}`;
  } catch (error) {
    return (error as { detail?: string }).detail ?? String(error);
  }
}

test('keys, secrets, certificates, the CA and policies are replaced under load without a failed request', async () => {
  const pending: Promise<string | undefined>[] = [];
  const rotation = { over: false };
  const rotating = house.aduana('rotate', '--all').finally(() => (rotation.over = true));
  while (!rotation.over) {
    pending.push(ask(pending.length));
    await clock.sleep(PAUSE_MS);
  }
  for (let turn = 0; turn < 50; turn += 1) pending.push(ask(pending.length));
  const result = await rotating;
  const failures = (await Promise.all(pending)).filter((failure) => failure !== undefined);
  process.stdout.write(`${String(failures.length)} failed of ${String(pending.length)}\n`);
  expect(failures).toEqual([]);
  expect(pending.length).toBeGreaterThan(500);
  expect(result).toMatchObject({ code: 0 });
  expect(result.stdout.match(/^rotated /gm)).toHaveLength(6);
  expect(result.stdout).not.toContain((await secrets.get(clientSecretName('bff')))?.value.reveal());
}, 120_000);

test('a dry run changes nothing', async () => {
  const before = await house.aduana('certs', 'status');
  const result = await house.aduana('rotate', '--all', '--dry-run');
  expect(result.stdout.match(/^would rotate /gm)).toHaveLength(6);
  expect((await house.aduana('certs', 'status')).stdout).toBe(before.stdout);
});
