import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/core/platform/log';
import type { Database } from '@aduana/core/store/database';
import { openPgDatabase } from '@aduana/core/store/pg-database';
import { describeRedis, redisUrl } from '../support/redis.ts';
import { startTestHouse, type TestHouse } from '../support/running-house.ts';
import { describePostgresServer, dropHouseDatabase } from '../support/stores.ts';

const log = createLog('silent', () => undefined);

describePostgresServer('the main job', (serverUrl) => {
  describeRedis('with the bus over Redis', () => {
    const name = `aduana_test_${randomBytes(6).toString('hex')}`;
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    let admin: Database;
    let superuser: Database;
    let house: TestHouse;

    beforeAll(async () => {
      admin = openPgDatabase({ url: serverUrl, schema: 'public', log, statementTimeoutMilliseconds: 60_000 });
      await admin.query(`CREATE DATABASE ${name}`);
      superuser = openPgDatabase({ url: url.href, schema: 'audit', log, maxConnections: 1 });
      house = await startTestHouse({ environment: { DATABASE_URL: url.href, REDIS_URL: redisUrl ?? '' } });
    }, 90_000);
    afterAll(async () => {
      expect(await house.stop()).toBe(0);
      await superuser.close();
      await dropHouseDatabase(admin, name);
      await admin.close();
    }, 60_000);

    test('queries, refuses, rotates and records as it does embedded', async () => {
      expect((await house.aduana('handshake')).stdout).not.toContain('FAIL');
      expect((await house.aduana('keys', 'rotate', '--reason', 'test')).code).toBe(0);
      expect((await house.aduana('audit', 'verify')).code).toBe(0);
    }, 60_000);

    test('each service works in a schema and a role of its own', async () => {
      const { rows } = await superuser.query<{ schema: string; owner: string }>(
        `SELECT nspname AS schema, pg_get_userbyid(nspowner) AS owner FROM pg_namespace
          WHERE nspname IN ('sts', 'audit', 'admin') ORDER BY 1`,
      );
      expect(rows).toEqual(
        ['admin', 'audit', 'sts'].map((schema) => ({ schema, owner: `${name}_${schema}_owner` })),
      );
    });

    test('one changed byte, written by the superuser, is found', async () => {
      await superuser.query('ALTER TABLE entries DISABLE TRIGGER ALL');
      await superuser.query(
        `UPDATE entries SET canonical = replace(canonical, '"v":1', '"v":2') WHERE seq = 5`,
      );
      const { code, stdout, stderr } = await house.aduana('audit', 'verify');
      expect(stdout + stderr).toContain('TAMPERED');
      expect(code).toBe(1);
    }, 60_000);
  });
});
