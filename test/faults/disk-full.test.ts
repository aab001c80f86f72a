import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSpool, type Spool } from '@aduana/client/audit/spool';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createFileSink } from '../../subgraphs/audit/shippers/file-sink.ts';
import { openTestLog } from '../support/open-test-log.ts';
import { createPostgresCluster, describePostgresCluster } from '../support/postgres-cluster.ts';
import { shippedEvents } from '../support/shipped-events.ts';
import { describeSmallDisk, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { storesOn } from '../support/stores.ts';
import { underLoad, until } from '../support/until.ts';

const clock = createSystemClock();
const log = createLog('silent', () => undefined);
const RECORD = {
  type: 'request',
  class_uid: 6003,
  outcome: 'ALLOWED',
  actor: { sub: 'bff', client_id: 'bff', act: [], auth_method: null, cert_thumbprint: null },
  detail: { filler: 'x'.repeat(2000) },
} as const;

function openClient(spool: Spool, post: (body: string) => Promise<unknown>): AuditClient {
  return createAuditClient({
    instance: 'gateway@1',
    post: async (body) => { await post(body); },
    spool,
    mode: 'fail_closed',
    platform: { clock, log, metrics: createMetrics() },
  }); // prettier-ignore
}

/** Records until that many are refused; what was called durable. */
async function recordUntilRefused(client: AuditClient, refusals: number): Promise<string[]> {
  const durable: string[] = [];
  for (let refused = 0; refused < refusals;) {
    const began = performance.now();
    try {
      durable.push(await client.record(RECORD));
    } catch (error) {
      expect(error).toMatchObject({ code: 'AUDIT_UNAVAILABLE', status: 503 });
      refused += 1;
    }
    expect(performance.now() - began).toBeLessThan(underLoad(5000));
  }
  return durable;
}

describeSmallDisk('a full disk', () => {
  let disk: SmallDisk;
  let closers: (() => Promise<void>)[];
  beforeEach(async () => {
    disk = await mountSmallDisk(1);
    closers = [() => disk.remove()];
  });
  afterEach(async () => {
    for (const close of closers) await close().catch(() => undefined); // what failed has been told
  });

  const open = (): Promise<Spool> =>
    openSpool({ folder: join(disk.folder, 'spool'), key: Buffer.alloc(32, 1), maxBytes: 1e9, log });

  test('of the spool: events are refused, none that was called durable is lost, and it goes on once there is room', async () => {
    const taken = new Set<string>();
    const service = { isAway: true };
    const post = (body: string): Promise<void> => {
      if (service.isAway) return Promise.reject(new SecurityError('AUDIT_UNAVAILABLE'));
      for (const { id } of (JSON.parse(body) as { events: { id: string }[] }).events) taken.add(id);
      return Promise.resolve();
    };
    const first = openClient(await open(), post);
    const durable = await recordUntilRefused(first, 20);
    expect(durable.length).toBeGreaterThan(100);
    // killed and started again on the full disk
    const spool = await open();
    const client = openClient(spool, post);
    durable.push(...(await recordUntilRefused(client, 5)));
    await disk.fill(0);
    durable.push(...(await recordUntilRefused(client, 5)));
    await disk.free();
    service.isAway = false;
    await until(() => client.state === 'ok');
    durable.push(await client.record(RECORD));
    expect(durable.filter((id) => !taken.has(id))).toEqual([]);
    await client.stop();
    await spool.close();
  });

  test('of an archive: no event counts that is not whole on the disk, and all follow once there is room', async () => {
    const path = join(disk.folder, 'archive/events.jsonl');
    const sink = createFileSink({ name: 'archive', kind: 'file', format: 'ocsf', path });
    const total = 5000;
    let reached = 0;
    let failures = 0;
    const ship = async (): Promise<void> => {
      const connection = await sink.connect(reached);
      try {
        while (reached < total) {
          await connection.send(shippedEvents(reached, Math.min(500, total - reached)));
          reached = connection.acknowledged();
        }
      } finally {
        await connection.close();
      }
    };
    await ship();
    reached = 0;
    await disk.fill(30_000);
    while (failures < 5) await ship().catch(() => (failures += 1));
    expect(reached).toBeLessThan(total);
    await disk.free();
    await ship();
    const lines = (await readFile(path, 'utf8')).split('\n');
    const sequences = lines.flatMap(
      (line) => /^\{"metadata":\{"uid":"[^"]+","sequence":(\d+)\}\}$/.exec(line)?.[1] ?? [],
    );
    expect([...new Set(sequences)].map(Number)).toEqual(Array.from({ length: total }, (_, seq) => seq));
  });

  describePostgresCluster('under the database', () => {
    test('events are spooled, and follow once there is room', async () => {
      const large = await mountSmallDisk(80);
      closers.unshift(() => large.remove());
      const cluster = await createPostgresCluster(large.folder);
      closers.unshift(() => cluster.remove());
      await cluster.start();
      const kind = storesOn(cluster.url);
      closers.unshift(() => kind.close());
      const audit = await openTestLog(kind.open);
      closers.unshift(() => audit.remove());
      const spool = await open();
      const client = openClient(spool, (body) => audit.log.ingest.accept('gateway', body));
      closers.unshift(() => client.stop(), () => spool.close()); // prettier-ignore
      const durable = [await client.record(RECORD)];
      await large.fill(0);
      for (let count = 0; count < 2000 && client.state === 'ok'; count += 1)
        durable.push(await client.record(RECORD));
      expect(client.state).toBe('spooling');
      expect(audit.log.ingest.isRefusing).toBe(true);
      for (let count = 0; count < 50; count += 1) durable.push(await client.record(RECORD));
      await large.free();
      await cluster.start(); // PostgreSQL ends itself where it cannot even write its log of transactions
      await until(() => client.state === 'ok');
      const { rows } = await audit.store.reader.query<{ id: string }>(
        `SELECT id::text FROM entries WHERE type = 'request'`,
      );
      expect(rows.map(({ id }) => id).sort()).toEqual([...durable].sort());
      await audit.log.verify();
      expect(audit.log.contradiction()).toBeUndefined();
    });
  });
});
