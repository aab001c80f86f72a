import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { describeRedis, redisUrl } from '../support/redis.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { describePostgresServer, dropDeploymentDatabase } from '../support/stores.ts';

const log = createLog('silent', () => undefined);

describePostgresServer('the main job', (serverUrl) => {
  describeRedis('with the bus over Redis', () => {
    const name = `aduana_test_${randomBytes(6).toString('hex')}`;
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    let admin: Database;
    let superuser: Database;
    let deployment: TestDeployment;

    beforeAll(async () => {
      admin = openPgDatabase({ url: serverUrl, schema: 'public', log, statementTimeoutMilliseconds: 60_000 });
      await admin.query(`CREATE DATABASE ${name}`);
      superuser = openPgDatabase({ url: url.href, schema: 'audit', log, maxConnections: 1 });
      deployment = await startTestDeployment({
        environment: { DATABASE_URL: url.href, REDIS_URL: redisUrl ?? '' },
      });
    });
    afterAll(async () => {
      expect(await deployment.stop()).toBe(0);
      await superuser.close();
      await dropDeploymentDatabase(admin, name);
      await admin.close();
    });

    test('queries, refuses, rotates and records as it does embedded', async () => {
      expect((await deployment.aduana('handshake')).stdout).not.toContain('FAIL');
      expect((await deployment.aduana('keys', 'rotate', '--reason', 'test')).code).toBe(0);
      expect((await deployment.aduana('audit', 'verify')).code).toBe(0);
    });

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
      const { code, stdout, stderr } = await deployment.aduana('audit', 'verify');
      expect(stdout + stderr).toContain('TAMPERED');
      expect(code).toBe(1);
    });
  });
});
