import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { commandsOf, describeWith, describeWithOpenssl } from '../support/foreign-parts.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';

let deployment: TestDeployment;

beforeAll(async () => {
  deployment = await startTestDeployment({ environment: { LOG_LEVEL: 'debug' } });
});

afterAll(() => deployment.stop());

function run(command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 60_000 }, (_error, stdout, stderr) => {
      resolve(stdout + stderr);
    }).stdin?.end();
  });
}

describeWithOpenssl('openssl', () => {
  test.each(['STS_PORT', 'AUDIT_PORT', 'ADMIN_PORT', 'GATEWAY_TLS_PORT'] as const)(
    'verifies the server at %s, over TLS 1.3',
    async (port) => {
      const ca = join(deployment.folder, 'certs/ca.crt');
      const address = `127.0.0.1:${String(deployment.ports[port])}`;
      const seen = await run(
        'openssl',
        's_client',
        '-connect',
        address,
        '-CAfile',
        ca,
        '-verify_ip',
        '127.0.0.1',
        '-x509_strict',
        '-brief',
      );
      expect(seen).toMatch(/Verification: OK/);
      expect(seen).toMatch(/TLSv1\.3/);
    },
  );
});

describeWith('sslscan', commandsOf('sslscan').length > 0, 'sslscan', () => {
  test('a scan of the public face finds TLS 1.2 and 1.3 with authenticated ciphers of 128 bits or more only', async () => {
    const address = `127.0.0.1:${String(deployment.ports.GATEWAY_TLS_PORT)}`;
    const report = await run('sslscan', '--no-colour', address);
    for (const version of ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1'])
      expect(report).toMatch(new RegExp(`^${version} +disabled$`, 'm'));
    const ciphers = report.match(/^(Preferred|Accepted) .*$/gm) ?? [];
    expect(ciphers.length).toBeGreaterThan(3);
    for (const cipher of ciphers) expect(cipher).toMatch(/ (128|256) bits +\S*(GCM|CHACHA20)/);
    expect(report).not.toMatch(/vulnerable to heartbleed$(?<!not vulnerable to heartbleed)/m);
    expect(report).toMatch(/Compression disabled/);
  });
});

test('who calls the gateway or the STS without a certificate is listed for a change to strict', async () => {
  await deployment.aduana('query', '--as', 'bff', '{ leads { company } }');
  const wrongSecret = [
    '/graphql',
    { 'content-type': 'application/json' },
    '{}',
    'Basic YmZmOndyb25n',
  ] as const;
  expect(await post('GATEWAY_TLS_PORT', ...wrongSecret)).toBe(401);
  const before = await deployment.aduana('certs', 'status', '--strict-readiness');
  expect(before).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 of \d+ requests/m) });
  const { stdout: header } = await deployment.aduana('token', '--as', 'bff', '--header');
  const [name = '', value = ''] = header.trim().split(/: (.*)/s);
  await fetch(`http://127.0.0.1:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [name]: value },
    body: '{"query":"{ leads { company } }"}',
  });
  expect(await post('GATEWAY_TLS_PORT', '/graphql', { 'content-type': 'application/json' }, '{"query":"{ leads { company } }"}', await basic('bff'))).toBe(200); // prettier-ignore
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const grant = 'grant_type=client_credentials';
  expect(await post('STS_PORT', '/sts/token', form, grant, await basic('bff'))).toBe(200);
  expect(await post('STS_PORT', '/sts/token', form, grant, 'Basic YmZmOndyb25n')).toBe(401);
  expect(await post('STS_PORT', '/sts/token', form, grant, await basic('bff'), 'bff')).toBe(200);
  const after = await deployment.aduana('certs', 'status', '--strict-readiness');
  expect(after.code).toBe(1);
  expect(after.stdout).toMatch(/^gateway +bff +bff +\S+ +2 /m);
  expect(after.stdout).toMatch(/^sts +bff +bff +client_secret_basic +1 /m);
  expect(after.stdout).toMatch(/^sts +anonymous +none +1 /m);
});

async function basic(service: string): Promise<string> {
  const provider = await openSecrets(deployment);
  const secret = (await provider.get(clientSecretName(service)))?.value.reveal() ?? '';
  await provider.close();
  return `Basic ${Buffer.from(`${service}:${secret}`).toString('base64')}`;
}

/** The status of a POST over TLS, with the certificate of `service` or without any. */
async function post(
  port: 'GATEWAY_TLS_PORT' | 'STS_PORT',
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  authorization: string,
  service?: string,
): Promise<number> {
  const read = (name: string) => readFile(join(deployment.folder, 'certs', name));
  const own = service && { cert: await read(`${service}.crt`), key: await read(`${service}.key`) };
  const options = {
    host: 'localhost',
    port: deployment.ports[port],
    path,
    method: 'POST',
    ca: await read('ca.crt'),
  };
  return new Promise((resolve, reject) => {
    const sent = {
      ...options,
      ...(own || {}),
      agent: false,
      headers: { ...headers, authorization },
    } as const;
    request(sent, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end(body);
  });
}

test('certs status names the certificate that each running service shows, also after a renewal', async () => {
  expect((await deployment.aduana('certs', 'renew', 'sts')).code).toBe(0);
  let seen = '';
  for (let turn = 0; turn < 20 && !/^sts .* this one /m.test(seen); turn += 1)
    seen = (await deployment.aduana('certs', 'status')).stdout;
  for (const service of ['gateway', 'sts', 'audit', 'admin', 'leads'])
    expect(seen).toMatch(new RegExp(`^${service} .* current CA +this one `, 'm'));
});

test('the doctor finds nothing wrong with a deployment that runs', async () => {
  const { stdout, code } = await deployment.aduana('doctor');
  expect(stdout).not.toMatch(/^FAIL/m);
  expect(stdout.match(/is ready at/g)).toHaveLength(4);
  expect(code).toBe(0);
});

/** Locks come and go while a deployment runs. */
function emptyWhereGone(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
  throw error;
}

test('no secret lies in clear in the home, the logs or the output', async () => {
  await deployment.aduana('keys', 'rotate', '--reason', 'scan');
  const secrets = await secretsOf(deployment);
  expect(secrets.length).toBeGreaterThan(3);
  const texts = [deployment.output()];
  const entries = await readdir(join(deployment.folder, 'home'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const secretFile = entry.name === 'ca.key' || entry.name === 'master.key';
    if (entry.isFile() && !secretFile)
      texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1').catch(emptyWhereGone));
  }
  for (const secret of secrets) for (const text of texts) expect(text.includes(secret)).toBe(false);
  expect(texts.some((text) => /-----BEGIN (EC )?PRIVATE KEY|"d":"[\w-]{40}/.test(text))).toBe(false);
});

/** What must be nowhere: client secrets, tokens, and the lines of every private key. */
async function secretsOf({ folder, aduana }: TestDeployment): Promise<string[]> {
  const provider = await openSecrets({ folder });
  const found: string[] = [];
  for (const service of ['bff', 'operator', 'auditor', 'gateway']) {
    const secret = await provider.get(clientSecretName(service));
    if (secret !== undefined) found.push(secret.value.reveal());
  }
  await provider.close();
  found.push((await aduana('token', '--as', 'bff')).stdout.trim());
  found.push((await readFile(join(folder, 'home/master.key'), 'utf8')).trim());
  for (const name of await readdir(join(folder, 'certs')))
    if (name.endsWith('.key'))
      found.push((await readFile(join(folder, 'certs', name), 'utf8')).split('\n')[1] ?? '');
  return found.filter((secret) => secret.length > 20);
}

function openSecrets({ folder }: Pick<TestDeployment, 'folder'>): Promise<SecretProvider> {
  return createSecretProvider({
    settings: { ADUANA_HOME: join(folder, 'home'), SECRET_PROVIDER: 'local' },
    environment: {},
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
  });
}
