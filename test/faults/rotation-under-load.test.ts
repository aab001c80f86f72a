import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  createSecureClient,
  type SecureClient,
  type SecurePeer,
} from '@aduana/core/mtls-client/secure-client';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { underLoad } from '../support/until.ts';

const PAUSE_MS = underLoad(10); // 50 requests a second, and as many fewer as the machine has other things to do
/** How long the load lasts at least; the rotation alone takes less. */
const SECONDS = Number(process.env['ROTATION_SECONDS'] ?? 0);
const QUERY = JSON.stringify({ query: '{ leads { company score campaign { name } } }' });
const clock = createSystemClock();
const log = createLog('silent', () => undefined);
let deployment: TestDeployment;
let identity: TlsIdentity;
let client: SecureClient;
let gateway: SecurePeer;
let anonymous: SecurePeer;
let secrets: SecretProvider;

beforeAll(async () => {
  deployment = await startTestDeployment();
  const certsDir = join(deployment.folder, 'certs');
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
    origin: `https://localhost:${String(deployment.ports.GATEWAY_TLS_PORT)}`,
    spiffeId: `spiffe://${trustDomain}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  } as const;
  gateway = client.peer(peer);
  anonymous = client.peer({ ...peer, clientCertificate: false });
  const settings = { ADUANA_HOME: join(deployment.folder, 'home'), SECRET_PROVIDER: 'local' } as const;
  secrets = await createSecretProvider({ settings, environment: {}, clock, log });
});

afterAll(async () => {
  await client.close();
  await identity.stop();
  await secrets.close();
  await deployment.stop();
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
      timeoutMilliseconds: underLoad(3500),
      maxResponseBytes: 1_000_000,
    });
    const answer = JSON.parse(body.toString()) as { data?: { leads?: unknown } | null; errors?: unknown };
    if (status === 200 && answer.errors === undefined && answer.data?.leads != null) return undefined;
    return `${String(status)} ${body.toString().slice(0, 300)}`;
  } catch (error) {
    return (error as { detail?: string }).detail ?? String(error);
  }
}

test('every key, secret and certificate is replaced under load without a failed request', async () => {
  const pending: Promise<string | undefined>[] = [];
  const rotation = { over: false };
  const begin = clock.monotonic();
  const rotating = deployment.aduana('rotate', '--all').finally(() => (rotation.over = true));
  while (!rotation.over || clock.monotonic() - begin < SECONDS * 1000) {
    pending.push(ask(pending.length));
    await clock.sleep(Math.max(0, begin + pending.length * PAUSE_MS - clock.monotonic()));
  }
  for (let turn = 0; turn < 50; turn += 1) pending.push(ask(pending.length));
  const result = await rotating;
  const seconds = (clock.monotonic() - begin) / 1000;
  const failures = (await Promise.all(pending)).filter((failure) => failure !== undefined);
  const rate = (pending.length / seconds).toFixed(0);
  process.stdout.write(
    `${String(failures.length)} failed of ${String(pending.length)} (${rate} a second for ${seconds.toFixed(0)} s)\n`,
  );
  expect(failures).toEqual([]);
  expect(pending.length).toBeGreaterThan((SECONDS * 1000) / PAUSE_MS / 2);
  expect(pending.length / seconds).toBeGreaterThan(900 / PAUSE_MS);
  expect(result).toMatchObject({ code: 0 });
  expect(result.stdout.match(/^rotated /gm)).toHaveLength(7);
  expect(result.stdout).not.toContain((await secrets.get(clientSecretName('bff')))?.value.reveal());
});

test('the log is whole over the change of its key, with the new key and, in the end, that one alone', async () => {
  const { stdout } = await deployment.aduana('rotate', '--only', 'checkpoint-key');
  const [vkey = ''] = /aduana\.local\/audit\+[^\s;]+/.exec(stdout) ?? [];
  expect(stdout).toMatch(/^left /); // two keys sign already
  expect(await deployment.aduana('audit', 'verify', '--vkey', vkey)).toMatchObject({ code: 0 });
  expect(await deployment.aduana('audit', 'rotate-key', '--finish')).toMatchObject({ code: 0 });
  expect(await deployment.aduana('audit', 'verify', '--vkey', vkey)).toMatchObject({ code: 0 });
});

test('a dry run changes nothing', async () => {
  const before = await deployment.aduana('certs', 'status');
  const result = await deployment.aduana('rotate', '--all', '--dry-run');
  expect(result.stdout.match(/^would rotate /gm)).toHaveLength(7);
  expect((await deployment.aduana('certs', 'status')).stdout).toBe(before.stdout);
});
