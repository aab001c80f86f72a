import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Metrics } from '@aduana/core/platform/metrics';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { AUDIT_SETTINGS } from '../../subgraphs/audit/config.ts';
import { type OpenLog, openLog } from '../../subgraphs/audit/open-log.ts';
import { createMemorySecrets } from './memory-secrets.ts';
import type { OpenStore, TestStore } from './stores.ts';

/** An audit log of a test's own, which can be stopped and started over the same database and home. */
export interface TestLog {
  readonly home: string;
  readonly store: TestStore;
  readonly log: OpenLog;
  /** Of all its lives. */
  readonly metrics: Metrics;
  stop(): Promise<void>;
  restart(): Promise<void>;
  remove(): Promise<void>;
}

export async function openTestLog(
  openStore: OpenStore,
  environment: Readonly<Record<string, string>> = {},
  clock: Clock = createSystemClock(),
): Promise<TestLog> {
  const home = await mkdtemp(join(tmpdir(), 'aduana-audit-'));
  const secrets = createMemorySecrets();
  const metrics = createMetrics();
  const stores: TestStore[] = [];
  const open = (): Promise<OpenLog> =>
    openLog(loadConfig(AUDIT_SETTINGS, { ...environment, ADUANA_HOME: home }), {
      clock,
      log: createLog('silent', () => undefined),
      metrics,
      secrets,
      async openStore(schema, migrations) {
        const store = stores[0] ?? (await openStore(schema, migrations));
        stores[0] = store;
        return store;
      },
    });
  let log = await open();
  let isOpen = true;
  const [store] = stores;
  if (store === undefined) throw new TypeError('the log opened no store');
  const stop = async (): Promise<void> => {
    if (isOpen) await log.close();
    await log.ingest.settle(); // its last event may have begun a closing: the next test drops the schema
    isOpen = false;
  };
  return {
    home,
    store,
    metrics,
    get log() {
      return log;
    },
    stop,
    async restart() {
      await stop();
      log = await open();
      isOpen = true;
    },
    async remove() {
      await stop();
      await rm(home, { recursive: true });
    },
  };
}
