import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  deploymentEnvironment,
  runAduana,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';

interface Answer {
  readonly data: Record<string, unknown> | null;
  readonly errors?: { message: string; path?: (string | number)[]; extensions: { code: string } }[];
}

describe('the main job over PGlite', () => {
  let deployment: TestDeployment;

  beforeAll(async () => {
    deployment = await startTestDeployment();
  });
  afterAll(async () => {
    expect(await deployment.stop()).toBe(0);
  });

  async function query(service: string, document: string): Promise<Answer> {
    const { stdout, stderr } = await deployment.aduana('query', '--as', service, document);
    try {
      return JSON.parse(stdout) as Answer;
    } catch {
      throw new Error(`no JSON: ${stdout}${stderr}`);
    }
  }

  test('prints `aduana ready` and three commands that hold no secret', () => {
    const commands = deployment
      .output()
      .split('\n')
      .filter((line) => line.startsWith('$ '));
    expect(deployment.output()).toContain('aduana ready');
    expect(commands).toHaveLength(3);
    expect(commands.every((line) => line.startsWith('$ npx aduana '))).toBe(true);
  });

  test('a permitted query returns data without errors', async () => {
    const answer = await query('bff', '{ leads { company score campaign { name } } }');
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.['leads']).toContainEqual(expect.objectContaining({ company: expect.any(String) }));
  });

  test('a query joins subgraphs', async () => {
    const answer = await query('operator', '{ services { id activeTokens roles } }');
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.['services']).toContainEqual(
      expect.objectContaining({ id: 'bff', activeTokens: expect.any(Number), roles: ['bff'] }),
    );
  });

  test('a refused field is null, with its code and path; the rest is data', async () => {
    const answer = await query('bff', '{ leads { company contact { email } } }');
    expect(answer.data?.['leads']).toContainEqual(expect.objectContaining({ contact: null }));
    expect(answer.errors).toEqual([
      {
        message: 'Unauthorized field or type',
        path: ['leads', '@', 'contact'],
        extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
      },
    ]);
  });

  test('a rotation gives a new kid, and the rotated-out key still verifies', async () => {
    const before = (await query('operator', '{ signingKeys { kid state } }')).data?.['signingKeys'] as {
      kid: string;
      state: string;
    }[];
    const { code } = await deployment.aduana('keys', 'rotate', '--reason', 'test');
    expect(code).toBe(0);
    const after = (await query('operator', '{ signingKeys { kid state } }')).data?.[
      'signingKeys'
    ] as typeof before;
    const active = (keys: typeof before) => keys.find(({ state }) => state === 'ACTIVE')?.kid;
    expect(active(after)).not.toBe(active(before));
    expect(after).toContainEqual({ kid: active(before), state: 'RETIRING' });
    expect((await query('bff', '{ leads { id } }')).errors).toBeUndefined();
  });

  test('the handshake passes', async () => {
    const { code, stdout, stderr } = await deployment.aduana('handshake');
    expect(stdout + stderr).not.toContain('FAIL');
    expect(code).toBe(0);
  });

  test('without credentials even broken GraphQL is a 401; with credentials it is a 400', async () => {
    const url = `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
    const send = (headers: Record<string, string>) =>
      fetch(url, {
        method: 'POST',
        body: '{"query":"{ not graphql"}',
        headers: { 'content-type': 'application/json', ...headers },
      });
    const anonymous = await send({});
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toContain('Bearer');
    expect(anonymous.headers.get('audit-id')).toMatch(/^[0-9a-f-]{36}$/);
    const { stdout } = await deployment.aduana('token', '--as', 'bff', '--header');
    const known = await send({ authorization: stdout.trim().replace(/^Authorization: /i, '') });
    expect([400, 401]).toContain(known.status);
  });

  test('the log verifies', async () => {
    const { code, stdout, stderr } = await deployment.aduana('audit', 'verify');
    expect(stdout + stderr).not.toContain('tampered');
    expect(code).toBe(0);
  });

  test('secrets and keys are for their owner alone', async () => {
    for (const folder of ['home', 'certs'])
      for (const file of await readdir(join(deployment.folder, folder), {
        recursive: true,
        withFileTypes: true,
      }))
        if (file.isFile() && /\.key$|secret/.test(file.name)) {
          const { mode } = await stat(join(file.parentPath, file.name));
          expect({ file: file.name, mode: mode & 0o077 }).toEqual({ file: file.name, mode: 0 });
        }
  });

  test('a second start on the same home reports every problem at once and exits 78', async () => {
    const ports = Object.fromEntries(
      Object.entries(deployment.ports).map(([name, port]) => [name, String(port)]),
    );
    const environment = deploymentEnvironment(deployment.folder, { ...ports, TRUST_DOMAIN: 'No Domain!' });
    const { code, stderr } = await runAduana(['up'], environment);
    expect(code).toBe(78);
    expect(stderr).toContain('TRUST_DOMAIN');
    const second = await runAduana(['up'], deploymentEnvironment(deployment.folder, ports));
    expect(second.code).toBe(78);
    for (const part of ['GATEWAY_HTTP_PORT', 'STS_PORT', 'gateway.lock', 'audit.lock'])
      expect(second.stderr).toContain(part);
  });

  test('everything listens on loopback only', async () => {
    const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8')));
    const wanted = new Set(
      Object.values(deployment.ports).map((port) => port.toString(16).toUpperCase().padStart(4, '0')),
    );
    const listening = tables
      .flatMap((table) => table.split('\n').slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = '', , state]) => state === '0A' && wanted.has(local.split(':')[1] ?? ''));
    expect(listening).toHaveLength(wanted.size);
    for (const [, local = ''] of listening) expect(local.split(':')[0]).toBe('0100007F');
  });
});
