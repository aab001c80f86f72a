import { afterEach, expect, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AUDIT_MIGRATIONS } from '../../subgraphs/audit/log/migrations.ts';
import { AUDIT_SCHEMA } from '../../subgraphs/audit/log/schema.ts';
import { freePort, untilListening } from '../support/free-port.ts';
import { describePostgres } from '../support/stores.ts';

const KILLS = Number(process.env['AUDIT_KILLS'] ?? 9);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describePostgres('kill -9 of the log, of its source and of their database connections', (openStore) => {
  const children = new Set<ChildProcess>();
  let folder: string | undefined;
  afterEach(async () => {
    await Promise.all([...children].map(kill));
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  function start(script: string, ...parameters: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [join(ROOT, 'test/support', script), ...parameters], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  test(
    `${String(KILLS)} times: each event that was called durable is in the log, once`,
    async () => {
      if (!existsSync(join(ROOT, 'dist/subgraphs/audit/open-log.js')))
        throw new Error('run `npm run build` first');
      folder = await mkdtemp(join(tmpdir(), 'aduana-kill-'));
      const home = folder;
      const { url = '', superuser } = await openStore(AUDIT_SCHEMA, AUDIT_MIGRATIONS);
      const port = await freePort();
      const acknowledged: string[] = [];
      const startLog = async (): Promise<ChildProcess> => {
        const child = start('killed-log.js', String(port), url, home);
        await untilListening(port);
        return child;
      };
      const startSource = (): ChildProcess => {
        const child = start('killed-source.js', String(port), join(home, 'spool/gateway'));
        let rest = '';
        child.stdout?.on('data', (chunk: Buffer) => {
          const lines = (rest + chunk.toString()).split('\n');
          rest = lines.pop() ?? '';
          acknowledged.push(...lines);
        });
        return child;
      };
      let log = await startLog();
      let source = startSource();
      for (let count = 0; count < KILLS; count += 1) {
        const before = acknowledged.length;
        while (acknowledged.length < before + 20) await wait(20);
        if (count % 3 === 0) {
          await kill(log);
          await wait(100);
          log = await startLog();
        } else if (count % 3 === 1) {
          await kill(source);
          source = startSource();
        } else
          await superuser.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
          );
      }
      for (let boot = 0; boot < 20; boot += 1) {
        source.kill('SIGTERM');
        await once(source, 'exit');
        const left = await readdir(join(home, 'spool/gateway'));
        if (left.length === 0) break;
        source = startSource(); // what one boot could not send in time is left to the next
        await once(source.stdout ?? source, 'data');
      }
      log.kill('SIGTERM');
      await once(log, 'exit');
      const { rows } = await superuser.query<{ id: string; copies: number }>(
        `SELECT id::text, count(*) AS copies FROM entries GROUP BY id`,
      );
      const copies = new Map(rows.map((row) => [row.id, row.copies]));
      const found = acknowledged.filter((id) => copies.get(id) === 1);
      process.stdout.write(
        `${String(KILLS)} kills of log, source and connections: ${String(acknowledged.length)} events called durable, ${String(found.length)} found once\n`,
      );
      expect(acknowledged.filter((id) => copies.get(id) !== 1)).toEqual([]);
      expect(acknowledged.length).toBeGreaterThan(KILLS * 20);
      const { rows: sequence } = await superuser.query<{ count: number; last: number }>(
        'SELECT count(*) AS count, max(seq) AS last FROM entries',
      );
      expect(sequence[0]?.count).toBe((sequence[0]?.last ?? 0) + 1);
      const { rows: signed } = await superuser.query<{ size: number }>(
        'SELECT max(size) AS size FROM checkpoints',
      );
      expect(signed[0]?.size).toBe(sequence[0]?.count);
    },
    60_000 + KILLS * 10_000,
  );
});
