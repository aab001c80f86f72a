import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { certificateThumbprint } from '@aduana/core/mtls/peer-identity';
import { signAccessToken } from '@aduana/server-kit/tokens/sign-access-token';
import { decodeJwt } from 'jose';
import { Agent, fetch } from 'undici';
import { serviceActor } from '../support/audit-events.ts';
import { commandsOf, describeWith } from '../support/foreign-parts.ts';
import { type ServedSts, serveTestSts } from '../support/served-sts.ts';
import { describeStores, type OpenStore } from '../support/stores.ts';
import { basic } from '../support/test-sts.ts';
import { until } from '../support/until.ts';

const MODULES = '/usr/lib/apache2/modules';
const [APACHE] = commandsOf('apache2');
const isInstalled = APACHE !== undefined && existsSync(`${MODULES}/mod_oauth2.so`);

function describeApache(name: string, suite: (openStore: OpenStore) => void): void {
  describeWith('Apache with libapache2-mod-oauth2', isInstalled, name, () => {
    describeStores(name, suite);
  });
}

const ACTOR = serviceActor('operator');

/** Apache as a resource server: `/plain` takes any token of the STS, `/bound` only one that is bound to the certificate. */
function configuration(folder: string, port: number, jwksUri: string): string {
  const load = (name: string): string => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`;
  const verify = (options: string): string =>
    `OAuth2TokenVerify jwks_uri ${jwksUri} jwks_uri.ssl_verify=false&jwks_uri.expiry=1&expiry=1${options}`;
  return `
    ServerName localhost
    Listen 127.0.0.1:${String(port)}
    ${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'socache_shmcb', 'ssl', 'oauth2'].map(load).join('\n')}
    PidFile ${folder}/apache.pid
    ErrorLog ${folder}/error.log
    DefaultRuntimeDir ${folder}
    Mutex file:${folder}
    StartServers 1
    ThreadsPerChild 8
    MaxRequestWorkers 8
    ${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
    DocumentRoot ${folder}/htdocs
    SSLEngine on
    SSLCertificateFile ${folder}/server.crt
    SSLCertificateKeyFile ${folder}/server.key
    SSLCACertificateFile ${folder}/ca.crt
    SSLVerifyClient optional
    SSLOptions +StdEnvVars +ExportCertData
    <Directory ${folder}/htdocs>
      Require all granted
    </Directory>
    <Location /plain>
      AuthType oauth2
      ${verify('')}
      Require valid-user
    </Location>
    <Location /bound>
      AuthType oauth2
      ${verify('&type=mtls&mtls.policy=required')}
      Require valid-user
    </Location>
  `;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describeApache('Apache as a resource server', (openStore) => {
  let sts: ServedSts;
  let apache: ChildProcess;
  let folder: string;
  let origin: string;
  const agents = new Map<string, Agent>();
  beforeAll(async () => {
    sts = await serveTestSts({ openStore, clients: ['bff'] });
    folder = await mkdtemp(join(tmpdir(), 'aduana-apache-'));
    for (const path of ['plain', 'bound']) {
      await mkdir(join(folder, 'htdocs', path), { recursive: true });
      await writeFile(join(folder, 'htdocs', path, 'index.html'), 'served');
    }
    const leaf = await sts.ca.issue('leads');
    await writeFile(join(folder, 'server.crt'), leaf.cert);
    await writeFile(join(folder, 'server.key'), leaf.key);
    await writeFile(join(folder, 'ca.crt'), sts.ca.cert);
    await chmod(folder, 0o755);
    const port = await freePort();
    origin = `https://localhost:${String(port)}`;
    await writeFile(join(folder, 'apache.conf'), configuration(folder, port, `${sts.origin}/sts/jwks`));
    apache = spawn(APACHE ?? '', ['-X', '-f', join(folder, 'apache.conf')], { stdio: 'pipe' });
    const said: string[] = [];
    apache.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    for (let tries = 0; tries < 3000; tries += 1) {
      if (apache.exitCode !== null) throw new Error(`Apache ended: ${said.join('')}`);
      if (await ask('/plain/').then(() => true, () => false)) return; // prettier-ignore
      await pause(50);
    }
    throw new Error(`Apache does not answer: ${await readFile(join(folder, 'error.log'), 'utf8')}`);
  });
  afterAll(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.close()));
    if (apache.exitCode === null) {
      apache.kill('SIGTERM');
      await once(apache, 'exit');
    }
    await sts.stop();
    await rm(folder, { recursive: true });
  });

  async function ask(path: string, token?: string, service = ''): Promise<number> {
    let agent = agents.get(service);
    if (agent === undefined) {
      const leaf = service === '' ? {} : await sts.ca.issue(service).then(({ cert, key }) => ({ cert, key }));
      agent = new Agent({ connect: { ca: sts.ca.cert, ...leaf } });
      agents.set(service, agent);
      certificates.set(service, 'cert' in leaf ? leaf : undefined);
    }
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`${origin}${path}`, { dispatcher: agent, headers });
    await answer.text();
    return answer.status;
  }
  const certificates = new Map<string, unknown>();
  const bearer = async (): Promise<string> =>
    String(
      (await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') })).body['access_token'],
    );

  describe('keys', () => {
    test('it accepts a token of the STS, and nothing without one', async () => {
      expect(await ask('/plain/', await bearer())).toBe(200);
      expect(await ask('/plain/')).toBe(401);
    });
    test('it refuses a changed and an expired token', async () => {
      const token = await bearer();
      const [header, payload, signature = ''] = token.split('.');
      const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
      expect(await ask('/plain/', `${String(header)}.${String(payload)}.${flipped}`)).toBe(401);
      const claims = { ...decodeJwt(token), exp: Math.floor(Date.now() / 1000) - 120 };
      expect(await ask('/plain/', await signAccessToken(claims as never, sts.ring.signer()))).toBe(401);
    });
    test('after a rotation it accepts tokens of both keys', async () => {
      const before = await bearer();
      await sts.rotate({ mode: 'NOW', reason: 'a test', actor: ACTOR });
      const after = await bearer();
      await until(async () => (await ask('/plain/', after)) === 200); // it keeps a JWKS for a second
      expect(await ask('/plain/', before)).toBe(200);
    });
    test('after a compromise it refuses what the old key signed', async () => {
      const before = await bearer();
      await sts.rotate({ mode: 'COMPROMISED', reason: 'a test', actor: ACTOR });
      await until(async () => (await ask('/plain/', before)) === 401);
      await until(async () => (await ask('/plain/', await bearer())) === 200);
    });
  });

  describe('a token is bound to its certificate', () => {
    async function boundToken(service: string): Promise<string> {
      await ask('/plain/', undefined, service);
      const { cert } = certificates.get(service) as { cert: string };
      const thumbprint = certificateThumbprint(new X509Certificate(cert).raw);
      const peer = { ...(await sts.peer(service)), thumbprint };
      return String((await sts.token({ grant_type: 'client_credentials' }, { peer })).body['access_token']);
    }
    test('a bound token works beside its own certificate alone', async () => {
      const token = await boundToken('bff');
      expect(await ask('/bound/', token, 'bff')).toBe(200);
      expect(await ask('/bound/', token, 'actuator')).toBe(401);
      expect(await ask('/bound/', token)).toBe(401);
    });
    test('a token that is bound to nothing does not work where a binding is required', async () => {
      expect(await ask('/bound/', await bearer(), 'bff')).toBe(401);
    });
  });
});
