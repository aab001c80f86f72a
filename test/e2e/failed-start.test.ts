import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { houseEnvironment, runAduana } from '../support/running-house.ts';

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
        houseEnvironment(folder, { SUPERGRAPH_SDL: file }),
      );
      expect(code).toBe(78);
      expect(stderr).toContain(file);
      expect(stderr).toContain('npx aduana supergraph compose');
      expect(stdout).not.toContain('aduana ready');
    },
    60_000,
  );

  test('tells that the database is away and what to do, in bounded time, and does not linger', async () => {
    const [sts, audit, database] = await Promise.all([freePort(), freePort(), freePort()]);
    const environment = houseEnvironment(folder, {
      STS_PORT: String(sts),
      AUDIT_PORT: String(audit),
      DATABASE_URL: `postgres://nobody:hunter2@127.0.0.1:${String(database)}/none`,
    });
    await runAduana(['certs'], environment);
    const { code, stderr } = await runAduana(['sts'], environment);
    expect(code).toBe(78);
    expect(stderr).toMatch(/ {2}DATABASE_URL: .*ECONNREFUSED.*\n {4}-> Start PostgreSQL/);
    expect(stderr).not.toContain('hunter2');
  }, 30_000);

  test('names who there is, where a command asks as somebody who is not', async () => {
    const environment = houseEnvironment(folder);
    await runAduana(['certs'], environment);
    for (const nobody of ['nobody', '../bff']) {
      const { code, stderr } = await runAduana(['query', '--as', nobody, '{ __typename }'], environment);
      expect(code).toBe(64);
      expect(stderr).toMatch(
        /Nobody is called "(?:nobody|\.\.\/bff)".*\n {2}-> Ask as one of: .*auditor, bff,/,
      );
    }
  }, 30_000);
});
