import { randomBytes } from 'node:crypto';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { Agent, fetch } from 'undici';
import { freePort } from '../support/free-port.ts';
import { type SeparateProcesses, startSeparateProcesses } from '../support/separate-processes.ts';
import {
  findSecrets,
  readCommandLines,
  readFolder,
  readTables,
  type Written,
} from '../support/secret-search.ts';
import { describePostgresServer, dropDeploymentDatabase } from '../support/stores.ts';
import { collectSecrets, isKeyFile } from '../support/deployed-secrets.ts';

const log = createLog('silent', () => undefined);

const FORM = 'application/x-www-form-urlencoded';

describePostgresServer('no secret is anywhere in clear', (serverUrl) => {
  const name = `aduana_test_${randomBytes(6).toString('hex')}`;
  const password = `database-password-${randomBytes(9).toString('hex')}`;
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}`, password });
  const secrets = new Map<string, Uint8Array | string>([['the password of the database', password]]);
  const answers: Written[] = [];
  const printed: Written[] = [];
  let admin: Database;
  let superuser: Database;
  let deployment: SeparateProcesses;
  let sts: string;
  let agent: Agent;

  const home = (): string => join(deployment.folder, 'home');
  const learn = (what: string, value: Uint8Array | string): void => void secrets.set(what, value);

  beforeAll(async () => {
    admin = openPgDatabase({ url: serverUrl, schema: 'public', log, statementTimeoutMilliseconds: 200_000 });
    await admin.query(`CREATE DATABASE ${name}`);
    superuser = openPgDatabase({ url: url.href, schema: 'public', log, maxConnections: 1 });
    const port = String(await freePort());
    sts = `https://localhost:${port}`;
    deployment = await startSeparateProcesses(url.href, { LOG_LEVEL: 'debug', STS_PORT: port });
    agent = new Agent({ connect: { ca: await readFile(join(deployment.folder, 'certs/ca.crt')) } });
    await live();
  });
  afterAll(async () => {
    await agent.close();
    await deployment.stop();
    await deployment.remove();
    await superuser.close();
    await dropDeploymentDatabase(admin, name);
    await admin.close();
  });

  /** Requests that succeed and that fail in every way, rotations, an outage; what is secret is learnt on the way. */
  async function live(): Promise<void> {
    await learnAll('at first');
    const basic = deployment.credentials('bff');
    learn('a Basic header', basic.slice('Basic '.length));
    for (let turn = 0; turn < 3; turn += 1) expect(await ask({ authorization: basic })).toBe(200);
    const token = (await deployment.aduana('token', '--as', 'bff')).stdout.trim();
    expect(token.split('.')).toHaveLength(3);
    learn('a token', token);
    expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
    await failInEveryWay(token, 'a secret of the BFF for a test');
    await deployment.kill('audit'); // events are spooled
    expect(await ask({ authorization: basic })).toBe(200);
    expect(await ask({ authorization: `Bearer ${token}x` })).toBe(401);
    printed.push(...(await readFolder(home(), isKeyFile)));
    deployment.start('audit');
    await deployment.untilHealth('audit', (told) => told?.code === 200);
    await rotate();
    await learnAll('after the rotation');
    expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
    for (const words of [['doctor'], ['keys', 'list'], ['audit', 'verify'], ['certs', 'status']])
      await run(words);
  }

  async function rotate(): Promise<void> {
    const kinds = ['signing-keys', 'client-secrets', 'certificates', 'wrapping-key', 'checkpoint-key'];
    expect(await run(['rotate', '--only', ...kinds])).toBe(0);
    await learnAll('after a rotation');
    expect(await run(['keys', 'rotate', '--mode', 'compromised', '--reason', 'a test'])).toBe(0);
  }

  async function run(words: readonly string[]): Promise<number> {
    const { code, stdout, stderr } = await deployment.aduana(...words);
    printed.push({ where: `aduana ${words.join(' ')}`, content: Buffer.from(stdout + stderr) });
    return code;
  }

  /** What the gateway answers to the BFF's query, asked again where the machine is too busy; answers that are no success are kept. */
  async function ask(headers: Record<string, string>, path = '', body?: string): Promise<number> {
    const query = body ?? JSON.stringify({ query: '{ leads { company contact { email } } }' });
    const answer = await fetch(deployment.gatewayUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: query,
    });
    const status = await keep(`the gateway (${String(answer.status)})`, answer);
    return status === 503 ? ask(headers, path, body) : status;
  }

  async function askSts(path: string, form: Record<string, string>, headers = {}): Promise<number> {
    const body = new URLSearchParams(form).toString();
    const init = { method: 'POST', headers: { 'content-type': FORM, ...headers }, body, dispatcher: agent };
    const status = await keep(`the STS at ${path.replace(/\?.*/, '')}`, await fetch(sts + path, init));
    return status === 503 ? askSts(path, form, headers) : status;
  }

  async function keep(where: string, answer: Awaited<ReturnType<typeof fetch>>): Promise<number> {
    const content = JSON.stringify([...answer.headers]) + (await answer.text());
    const grants = where.startsWith('the STS') && answer.status === 200;
    if (!grants) answers.push({ where, content: Buffer.from(content) });
    return answer.status;
  }

  async function failInEveryWay(token: string, secret: string): Promise<void> {
    const mistyped = `${secret} with a slip of the hand`;
    learn('a mistyped secret', mistyped);
    const basicOf = (of: string): string =>
      `Basic ${Buffer.from(`bff:${encodeURIComponent(of)}`).toString('base64')}`;
    const grant = { grant_type: 'client_credentials' };
    const post = { ...grant, client_id: 'bff', client_secret: secret };
    expect(
      await Promise.all([
        ask({ authorization: basicOf(mistyped) }),
        ask({ authorization: `Bearer ${token.slice(0, -8)}AAAAAAAA` }),
        ask({ authorization: `Digest ${token}` }),
        ask({}, `?access_token=${token}`),
        ask({ authorization: `Bearer ${token}` }, '', `{"query":"{ ${'leads '.repeat(5000)} }"}`),
        ask({ authorization: `Bearer ${token}`, 'content-type': 'text/plain' }),
        ask({ authorization: `Bearer ${token}` }, '', '{"query":'),
        askSts('/sts/token', post),
        askSts('/sts/token', { ...post, client_secret: mistyped }),
        askSts('/sts/token', { ...post, grant_type: secret }),
        askSts('/sts/token', { ...grant, scope: secret }, { authorization: basicOf(secret) }),
        askSts(`/sts/token?client_id=bff&client_secret=${encodeURIComponent(secret)}`, grant),
        askSts('/sts/introspect', { token }, { authorization: basicOf(secret) }),
        askSts('/sts/revoke', { token }, { authorization: basicOf(mistyped) }),
        askSts('/sts/rotate-keys', { reason: token }, { authorization: `Bearer ${token}` }),
      ]),
    ).toEqual([401, 401, 401, 401, 400, 415, 400, 200, 401, 400, 400, 400, 200, 401, 401]);
  }

  async function learnAll(when: string): Promise<void> {
    const { folder } = deployment;
    for (const [what, value] of await collectSecrets({ folder, databaseUrl: url.href }, when))
      learn(what, value);
  }

  async function everything(): Promise<readonly Written[]> {
    return [
      ...answers,
      ...printed,
      { where: 'the logs', content: Buffer.from(deployment.output()) },
      ...(await readFolder(deployment.folder, isKeyFile)),
      ...(await readTables(superuser)),
      ...(await readCommandLines()),
    ];
  }

  test('in logs, errors, command lines, database and files, after requests, failures, an outage and rotations', async () => {
    const written = await everything();
    expect(secrets.size).toBeGreaterThan(40);
    for (const where of [
      'the logs',
      'sts.signing_keys',
      'audit.entries',
      'secrets.sealed',
      'the gateway (401)',
    ])
      expect(written.find((one) => one.where.endsWith(where))?.content.length).toBeGreaterThan(20);
    expect(deployment.output().split('\n').length).toBeGreaterThan(20);
    expect(findSecrets(written, secrets)).toEqual([]);
  });

  describe('and one that did would be found', () => {
    const planted = (): [string, Buffer][] => {
      const pick = [
        'client-secrets/bff at first',
        'a token',
        'a Basic header',
        'the scalar of sts.key at first',
      ];
      return pick.map((of) => [of, Buffer.from(secrets.get(of) as string)]);
    };
    test.each(['utf8', 'hex', 'base64', 'base64url'] as const)(
      'in a file, as %s',
      async (encoding) => {
        for (const [of, value] of planted()) {
          const file = join(home(), 'spool', 'planted');
          await writeFile(
            file,
            Buffer.concat([
              Buffer.from('{"a":1}\n'),
              Buffer.from(encoding === 'utf8' ? value : value.toString(encoding)),
            ]),
          );
          expect((await everything().then((all) => findSecrets(all, secrets))).join()).toContain(
            `planted: ${of}`,
          );
          await rm(file);
        }
      },
      240_000,
    );
    test.each(['text', 'bytea'] as const)(
      'in a column of type %s',
      async (type) => {
        await superuser.query(`CREATE TABLE planted (value ${type})`);
        for (const [of, value] of planted()) {
          const isText = !value.some((byte) => byte < 0x20 || byte > 0x7e);
          const written = type === 'bytea' ? value : value.toString(isText ? 'utf8' : 'base64');
          await superuser.query('INSERT INTO planted VALUES ($1)', [written]);
          expect((await everything().then((all) => findSecrets(all, secrets))).join()).toContain(
            `public.planted: ${of}`,
          );
          await superuser.query('DELETE FROM planted');
        }
        await superuser.query('DROP TABLE planted');
      },
      240_000,
    );
    test('within something longer that is encoded, and a token that nobody knew', async () => {
      const [, secret = Buffer.of()] = planted()[0] ?? [];
      const token = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"somebody"}').toString('base64url')}.${'A'.repeat(86)}`;
      for (const lead of ['', 'x', 'xy']) {
        const content = Buffer.from(Buffer.from(`${lead}${secret.toString()}:tail`).toString('base64'));
        expect(findSecrets([{ where: 'a log', content }], secrets)).not.toEqual([]);
      }
      expect(findSecrets([{ where: 'a log', content: Buffer.from(`{"t":"${token}"}`) }], secrets)).toEqual([
        'a log: a token',
      ]);
      const file = join(deployment.folder, 'certs', 'planted.pem');
      await appendFile(file, await readFile(join(deployment.folder, 'certs', 'sts.key')));
      expect((await everything().then((all) => findSecrets(all, secrets))).join()).toContain(
        'planted.pem: sts.key',
      );
      await rm(file);
    });
  });
});
