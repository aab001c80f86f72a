import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { keyIn } from '@aduana/server-kit/tokens/key-set';
import { readUnverifiedKeySet } from '../../subgraphs/sts/keys/key-store.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { describePostgres, type TestStore } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';

const dist = pathToFileURL(`${process.cwd()}/dist/subgraphs/sts/keys/key-rotation.js`).href;
const packages = pathToFileURL(`${process.cwd()}/packages/`).href;

/** A replica that rotates without a pause until it is killed. */
const REPLICA = `
  import { rotateKeys } from '${dist}';
  import { openKeyCustody } from '${dist.replace('key-rotation', 'key-custody')}';
  import { createRowSeals } from '${packages}server-kit/dist/seals/row-seals.js';
  import { createInProcessBus } from '${packages}server-kit/dist/bus/in-process-bus.js';
  import { createSystemClock } from '${packages}core/dist/platform/clock.js';
  import { createLog } from '${packages}server-kit/dist/platform/create-log.js';
  import { openPgDatabase } from '${packages}server-kit/dist/store/pg-database.js';
  const log = createLog('silent', () => undefined);
  const { url, role, sealKey } = JSON.parse(process.argv[1]);
  const seen = new Map();
  const latest = { known: () => new Map(seen), note: (set, version) => seen.set(set, version), save: async () => undefined };
  const forged = { found: (table, rows) => { if (rows.length > 0) throw new Error(JSON.stringify(rows)); } };
  const secrets = { wrap: async (secret, context) => JSON.stringify([context, secret.revealBytes().toString('base64')]) };
  const custody = await openKeyCustody({ kind: 'store', algorithm: 'ES256', secrets });
  const options = {
    database: openPgDatabase({ url, schema: 'sts', role, log }),
    custody,
    seals: createRowSeals(Buffer.from(sealKey, 'base64url'), latest, forged),
    bus: createInProcessBus(),
    audit: { record: async () => 'event' },
    platform: { clock: createSystemClock(), log },
    timing: { leadMilliseconds: 1200000, holdMilliseconds: 1 },
    gatherMilliseconds: 0,
  };
  const actor = { sub: 'operator', client_id: null, act: [], auth_method: null, cert_thumbprint: null };
  for (;;) {
    await rotateKeys({ mode: 'NOW', reason: 'a test', actor }, { reload: async () => undefined }, options);
    process.stdout.write('.');
  }
`;

describePostgres('a replica that is killed while it rotates', (openStore) => {
  let sts: TestSts;
  let store: TestStore;
  beforeAll(async () => {
    store = await openStore('sts', MIGRATIONS);
    sts = await openTestSts({ openStore, store, clients: [] });
  });
  afterAll(() => sts.close());

  test('leaves exactly one active and one pending key, and a set that others rotate on', async () => {
    const { rows } = await store.writer.query<{ role: string }>('SELECT current_user AS role');
    const sealKey = (await sts.secrets.get('sts/row-seal-key'))?.value.revealBytes().toString('base64url');
    const argument = JSON.stringify({ url: store.url, role: rows[0]?.role, sealKey });
    let done = 0;
    for (let round = 0; round < 6; round += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', REPLICA, argument], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'] },
      });
      child.stdout.on('data', (chunk: Buffer) => (done += chunk.length));
      const wanted = done + 1 + (round % 2);
      while (done < wanted) await once(child.stdout, 'data');
      await pause(20 + round * 7);
      child.kill('SIGKILL');
      await once(child, 'exit');
      // What was sent before the death may still be committed: by whoever holds the lock.
      const [stored, rotations] = await store.writer.exclusively('signing-keys', async (transaction) => [
        await readUnverifiedKeySet(transaction),
        await transaction.query<{ count: number }>('SELECT count(*)::integer AS count FROM rotations'),
      ]);
      const { set, parts } = stored ?? { set: { keys: [], generation: 0 }, parts: new Map() };
      expect(parts.has(keyIn(set, 'ACTIVE').kid)).toBe(true);
      expect(parts.has(keyIn(set, 'PENDING').kid)).toBe(true);
      expect(parts.size).toBe(2);
      expect(rotations.rows[0]?.count).toBe(set.generation - 1);
    }
    expect(done).toBeGreaterThan(6);
    await sts.ring.reload();
    const actor = { sub: 'operator', client_id: null, act: [], auth_method: null, cert_thumbprint: null };
    const rotation = await sts.rotate({ mode: 'NOW', reason: 'after it', actor });
    expect(sts.ring.signer().kid).toBe(rotation.active.kid);
  });
});
