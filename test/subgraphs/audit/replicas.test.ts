import { expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { AUDIT_SETTINGS } from '../../../subgraphs/audit/config.ts';
import { AUDIT_MIGRATIONS } from '../../../subgraphs/audit/log/migrations.ts';
import { type OpenLog, openLog } from '../../../subgraphs/audit/open-log.ts';
import { createMemorySecrets } from '../../support/memory-secrets.ts';
import { describePostgres } from '../../support/stores.ts';

const clock = createSystemClock();

describePostgres('two replicas of the log, each with a home of its own', (openStore) => {
  test('sign with one key; a home that holds the key of another log is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-replicas-'));
    const store = await openStore('audit', AUDIT_MIGRATIONS);
    const open = (instance: string, secrets: SecretProvider): Promise<OpenLog> =>
      openLog(loadConfig(AUDIT_SETTINGS, { ADUANA_HOME: join(folder, instance), INSTANCE: instance }), {
        clock,
        log: createLog('silent', () => undefined),
        metrics: createMetrics(),
        secrets,
        openStore: () => Promise.resolve(store),
      });
    const one = await open('1', createMemorySecrets());
    const two = await open('2', createMemorySecrets());
    try {
      expect(two.vkey()).toBe(one.vkey());
      await two.advance();
      await one.advance();
      await one.verify();
      await two.verify();
      expect([one.contradiction(), two.contradiction()]).toEqual([undefined, undefined]);
      await store.superuser.query('DELETE FROM shared_secrets');
      await expect(open('3', createMemorySecrets())).rejects.toThrow('is not there yet');
    } finally {
      await one.close();
      await two.close();
      await rm(folder, { recursive: true });
    }
  });
});
