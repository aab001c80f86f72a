import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { deploymentEnvironment, runAduana } from '../support/running-deployment.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 600 && !holds(); attempt += 1) await wait(50);
  expect(holds()).toBe(true);
}

describe('a start that fails', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each(['type Query {', 'type Query { lonely: Int }'])(
    'names the supergraph that is none (%s), and ends with exit 78',
    async (sdl) => {
      const file = join(folder, 'broken.graphql');
      await writeFile(file, sdl);
      const { code, stderr, stdout } = await runAduana(
        ['up'],
        deploymentEnvironment(folder, { SUPERGRAPH_SDL: file }),
      );
      expect(code).toBe(78);
      expect(stderr).toContain(file);
      expect(stderr).toContain('npx aduana supergraph compose');
      expect(stdout).not.toContain('aduana ready');
    },
    240_000,
  );

  const awayDatabase = async () => {
    const ports = [freePort(), freePort(), freePort(), freePort()];
    const [sts, audit, health, database] = (await Promise.all(ports)).map(String);
    return deploymentEnvironment(folder, {
      STS_PORT: String(sts),
      AUDIT_PORT: String(audit),
      HEALTH_PORT: String(health),
      DATABASE_URL: `postgres://nobody:hunter2@127.0.0.1:${String(database)}/none`,
    });
  };

  test('a service apart waits for a database that is away: live, not ready, and ended by one signal', async () => {
    const environment = await awayDatabase();
    await runAduana(['certs'], environment);
    const sts = spawn(process.execPath, [MAIN, 'sts'], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: string[] = [];
    for (const stream of [sts.stdout, sts.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    const exited = once(sts, 'exit');
    const printed = (): string => chunks.join('');
    await until(() => printed().includes('the database is away'));
    const url = `http://127.0.0.1:${environment['HEALTH_PORT'] ?? ''}/health`;
    expect((await fetch(`${url}/live`)).status).toBe(200);
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    sts.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(printed().match(/the database is away/g)).toHaveLength(1);
    expect(printed()).toContain('ECONNREFUSED');
    expect(printed()).not.toContain('hunter2');
  });

  test('a whole deployment says that the database is away and what to do, and does not linger', async () => {
    const { code, stderr } = await runAduana(['up'], await awayDatabase());
    expect(code).toBe(78);
    expect(stderr).toMatch(/ {2}DATABASE_URL: .*ECONNREFUSED.*\n {4}-> Start PostgreSQL/);
    expect(stderr).not.toContain('hunter2');
  });

  test('names who there is, where a command asks as somebody who is not', async () => {
    const environment = deploymentEnvironment(folder);
    await runAduana(['certs'], environment);
    for (const nobody of ['nobody', '../bff']) {
      const { code, stderr } = await runAduana(['query', '--as', nobody, '{ __typename }'], environment);
      expect(code).toBe(64);
      expect(stderr).toMatch(
        /There is no certificate for "(?:nobody|\.\.\/bff)".*\n {2}-> Use one of: .*auditor, bff,/,
      );
    }
  });
});
