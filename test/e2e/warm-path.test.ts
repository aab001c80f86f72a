import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';

/** Writes down every file that the process reads; the database's own are no part of the path. */
const READ_RECORDER = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { appendFileSync } = fs;
const note = (path) => {
  if (typeof path === 'string' && !path.includes('/data/')) appendFileSync(process.env.READS_FILE, path + '\\n');
};
for (const [owner, names] of [[fs, ['readFile', 'readFileSync', 'open', 'openSync']], [fs.promises, ['readFile', 'open']]])
  for (const name of names) {
    const real = owner[name];
    owner[name] = function (path, ...rest) { note(path); return real.call(this, path, ...rest); };
  }
syncBuiltinESMExports();
`;

const REQUESTS = 200;
let folder: string;
let deployment: TestDeployment;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-'));
  await writeFile(join(folder, 'record-reads.mjs'), READ_RECORDER);
  await writeFile(join(folder, 'reads.txt'), '');
  const environment = {
    NODE_OPTIONS: `--import ${join(folder, 'record-reads.mjs')}`,
    READS_FILE: join(folder, 'reads.txt'),
  };
  deployment = await startTestDeployment({ folder, environment });
});

afterAll(async () => {
  await deployment.stop();
  await rm(folder, { recursive: true, force: true });
});

async function reads(): Promise<string[]> {
  return (await readFile(join(folder, 'reads.txt'), 'utf8')).trim().split('\n');
}

async function secretOf(service: string): Promise<string> {
  const provider = await createSecretProvider({
    settings: { ADUANA_HOME: join(folder, 'home'), SECRET_PROVIDER: 'local' },
    environment: {},
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
  });
  const secret = await provider.get(clientSecretName(service));
  await provider.close();
  return secret?.value.reveal() ?? '';
}

test('neither the secret provider nor the disk is asked on the warm path, whoever calls', async () => {
  const read = (name: string) => readFile(join(folder, 'certs', name));
  const ca = await read('ca.crt');
  const own = { cert: await read('bff.crt'), key: await read('bff.key') };
  const authorization = `Basic ${Buffer.from(`bff:${await secretOf('bff')}`).toString('base64')}`;
  const certified = new Agent({ keepAlive: true, ca, ...own });
  const plain = new Agent({ keepAlive: true, ca });
  const send = (port: number, path: string, type: string, body: string, agent: Agent) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'content-type': type, ...(agent === plain ? { authorization } : {}) };
      request({ host: 'localhost', port, path, method: 'POST', agent, headers }, (response) => {
        response.resume().once('end', () => { resolve(response.statusCode); }); // prettier-ignore
      })
        .on('error', reject)
        .end(body);
    });
  const query = '{"query":"{ leads { company } }"}';
  const form = 'application/x-www-form-urlencoded';
  const round = async () => {
    const statuses = [
      await send(deployment.ports.GATEWAY_TLS_PORT, '/graphql', 'application/json', query, certified),
      await send(deployment.ports.GATEWAY_TLS_PORT, '/graphql', 'application/json', query, plain),
      await send(deployment.ports.STS_PORT, '/sts/token', form, 'grant_type=client_credentials', plain),
    ];
    expect(statuses).toEqual([200, 200, 200]);
  };
  for (let turn = 0; turn < 3; turn += 1) await round();
  const before = (await reads()).length;
  expect(before).toBeGreaterThan(10); // the recorder records
  for (let turn = 0; turn < REQUESTS; turn += 1) await round();
  const counts = new Map<string, number>();
  for (const path of (await reads()).slice(before)) counts.set(path, (counts.get(path) ?? 0) + 1);
  // What is read by the clock (certificates, policies) is read a few times; on the path it would be once a request.
  expect([...counts].filter(([, count]) => count >= REQUESTS)).toEqual([]);
  certified.destroy();
  plain.destroy();
});
