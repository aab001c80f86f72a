import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/free-port.ts';
import { createMemorySecrets } from '../support/memory-secrets.ts';
import { createTestCa } from '../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../support/test-identity.ts';

let folder: string;
let identity: TestIdentity;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-start-'));
  identity = await issueTestIdentity(await createTestCa(), 'gateway');
});
afterAll(() => rm(folder, { recursive: true }));

/** A gateway of its own, and what it holds open. */
async function prepare(environment: Readonly<Record<string, string>> = {}, secrets?: SecretProvider) {
  const home = await mkdtemp(join(folder, 'home-'));
  const port = await freePort();
  const clock = createFakeClock(Date.now());
  const bus = createInProcessBus();
  let heard = 0;
  let known = 0;
  const config = {
    ...loadConfig(GATEWAY_SETTINGS, {
      ADUANA_HOME: home,
      // The code of a thread is what was built; here the sources run.
      PLANNING_THREADS: 'off',
      GATEWAY_HTTP_PORT: String(port),
      GATEWAY_TLS_PORT: String(await freePort()),
      // Nothing answers there.
      STS_PORT: String(await freePort()),
      AUDIT_PORT: String(await freePort()),
      ...environment,
    }),
    variables: { LEADS_PORT: '8014' },
  };
  const platform = {
    clock,
    log: createLog('silent', () => undefined),
    metrics: createMetrics(),
    bus: {
      ...bus,
      subscribe(...given: Parameters<typeof bus.subscribe>) {
        const end = bus.subscribe(...given);
        heard += 1;
        return () => {
          heard -= 1;
          end();
        };
      },
    },
    secrets: secrets ?? createMemorySecrets(),
    identity: {
      ...identity,
      onChange(listener: Parameters<TestIdentity['onChange']>[0]) {
        const end = identity.onChange(listener);
        known += 1;
        return () => {
          known -= 1;
          end();
        };
      },
    },
    openStore: () => Promise.reject(new Error('the gateway has no store')),
  };
  return {
    home,
    port,
    clock,
    start: () => startGateway(config, platform),
    async held() {
      await clock.advance(ONE_SWEEP_MS);
      return {
        timers: clock.pending,
        subscriptions: heard,
        identityListeners: known,
        listens: await listens(port),
      };
    },
  };
}

/** After which a timer that nobody waits for any more has ended; what repeats is still there. */
const ONE_SWEEP_MS = 5_000;
const NOTHING = { timers: 0, subscriptions: 0, identityListeners: 0, listens: false };

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}

/** Waits for something that waits for the clock. */
async function settled<Value>(clock: FakeClock, pending: Promise<Value>): Promise<Value> {
  const state = { open: true };
  const done = pending.finally(() => (state.open = false));
  done.catch(() => undefined);
  while (state.open) await clock.advance(50);
  return done;
}

async function fails(prepared: Awaited<ReturnType<typeof prepare>>): Promise<unknown> {
  const error: unknown = await settled(
    prepared.clock,
    prepared.start().then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  expect(error).toHaveProperty('message');
  return error;
}

describe('a gateway whose start fails half-way leaves nothing open', () => {
  test('at its listeners', async () => {
    const taken = await prepare();
    const service = await settled(taken.clock, taken.start());
    const prepared = await prepare({ GATEWAY_TLS_PORT: String(taken.port) });
    await fails(prepared);
    expect(await prepared.held()).toEqual(NOTHING);
    await settled(taken.clock, service.stop());
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ['at its policies', { POLICIES_DIR: '/nowhere' }],
    ['at its supergraph', { SUPERGRAPH_SDL: '/nowhere/supergraph.graphql' }],
    ['at its trusted documents', { TRUSTED_DOCUMENTS: '/nowhere/manifest.json' }],
  ])('%s', async (_, environment) => {
    const prepared = await prepare(environment);
    await fails(prepared);
    expect(await prepared.held()).toEqual(NOTHING);
  });

  test('at the key of its spool, when the connections are open', async () => {
    const prepared = await prepare(
      {},
      { ...createMemorySecrets(), get: () => Promise.reject(new Error('no secrets today')) },
    );
    expect(await fails(prepared)).toMatchObject({ message: 'no secrets today' });
    expect(await prepared.held()).toEqual(NOTHING);
  });

  test('at its spool, and starts once the reason is gone', async () => {
    const prepared = await prepare();
    await mkdir(join(prepared.home, 'spool'));
    const inTheWay = join(prepared.home, 'spool/gateway');
    await writeFile(inTheWay, '');
    await fails(prepared);
    expect(await prepared.held()).toEqual(NOTHING);
    await rm(inTheWay);
    const service = await settled(prepared.clock, prepared.start());
    expect(await prepared.held()).toMatchObject({ listens: true });
    await settled(prepared.clock, service.stop());
    expect(await prepared.held()).toEqual(NOTHING);
  });
});
