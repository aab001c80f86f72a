import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { fetchBelow } from '@aduana/audit-verifier/fetch-object';
import { verifyPublished } from '@aduana/audit-verifier/verify-published';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { registerAudit } from '../../../../cli/audit.ts';
import { registerDoctor } from '../../../../cli/doctor.ts';
import type { Finding } from '../../../../cli/doctor-finding.ts';
import { readTile } from '../../../../subgraphs/audit/reading/read-tile.ts';
import { parseTilePath } from '../../../../subgraphs/audit/reading/tile-path.ts';
import { postedBody, postedEvent } from '../../../support/audit-events.ts';
import { type ObjectStoreDouble, startObjectStoreDouble } from '../../../support/object-store-double.ts';
import { openTestLog, type TestLog } from '../../../support/open-test-log.ts';
import { pointAwsTo } from '../../../support/signing-keys.ts';
import { describeOneStore } from '../../../support/stores.ts';
import { until } from '../../../support/until.ts';

const LOCATION = 's3://bucket/prod';

describeOneStore('a log that is published', (openStore) => {
  let double: ObjectStoreDouble;
  let audit: TestLog;
  let environment: Record<string, string>;
  let posted = 0;

  beforeEach(async () => {
    posted = 0;
    double = await startObjectStoreDouble();
    pointAwsTo(double.address);
    environment = {
      AUDIT_OBJECT_STORE: LOCATION,
      AUDIT_OBJECT_STORE_ENDPOINT: double.address,
      AUDIT_OBJECT_STORE_PATH_STYLE: 'true',
      AUDIT_OBJECT_STORE_INTERVAL: '1s',
    };
    audit = await openTestLog(openStore, environment);
  });
  afterEach(async () => {
    await double.close();
    await audit.remove();
  });

  async function post(count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, at) =>
      postedEvent({ source: { instance: 'gateway@test', boot_id: 'b', n: posted + at } }),
    );
    posted += count;
    await audit.log.ingest.accept('gateway', postedBody(...events));
  }
  const held = (key: string) => double.objects.get(`bucket/prod/${key}`)?.toString();
  const size = async () => (await audit.log.proofs.checkpoint()).size;
  const untilPublished = async (least: number) =>
    until(() => Number(held('checkpoint')?.split('\n')[1] ?? 0) >= least);
  const state = async () => (await audit.log.integrity()).sinks.find(({ name }) => name === LOCATION);

  async function run(...words: readonly string[]): Promise<{ code: number; lines: readonly string[] }> {
    const lines: string[] = [];
    const program = new Command().exitOverride();
    const context = {
      environment: { ...environment, ADUANA_HOME: audit.home },
      clock: createSystemClock(),
      log: createLog('silent', () => undefined),
      print: (line: string) => lines.push(line),
      printError: () => undefined,
    };
    registerAudit(program, context);
    registerDoctor(program, context);
    return program.parseAsync([...words], { from: 'user' }).then(
      () => ({ code: 0, lines }),
      (error: unknown) => {
        const { exitCode, message } = error as { readonly exitCode: number; readonly message: string };
        return { code: exitCode, lines: [...lines, message] };
      },
    );
  }

  test('has the bytes that the service serves, and verifies from the bucket alone', async () => {
    await post(600);
    await untilPublished(600);
    await audit.stop();
    for (const [key, body] of double.objects) {
      const tile = parseTilePath(key.replace('bucket/prod/tile/', ''));
      if (tile !== undefined) expect([key, await readTile(tile, audit.log)]).toEqual([key, body]);
    }
    const report = await verifyPublished(fetchBelow(`${double.address}/bucket/prod`), { now: Date.now() });
    expect(report).toMatchObject({ verdict: 'WHOLE' });
    expect(report.signed?.size).toBeGreaterThanOrEqual(600);
    expect(await run('audit', 'verify', '--from', LOCATION)).toMatchObject({ code: 0 });
    const bundle = double.objects.get('bucket/prod/tile/entries/001')!.toString('latin1');
    const changed = Buffer.from(bundle.replace('Leads', 'leads'), 'latin1');
    double.objects.set('bucket/prod/tile/entries/001', changed);
    const verdict = await run('audit', 'verify', '--from', `${double.address}/bucket/prod`);
    expect(verdict).toMatchObject({ code: 1 });
    expect(verdict.lines[0]).toMatch(
      /^TAMPERED: tile\/entries\/001: entry \d+ is not the one that is signed$/,
    );
  });

  test('is exported from the bucket, and that export verifies', async () => {
    await post(300);
    await untilPublished(300);
    await audit.stop();
    const out = `${audit.home}/export`;
    expect(await run('audit', 'export', '--from', LOCATION, '--out', out)).toMatchObject({ code: 0 });
    expect(await run('audit', 'verify', out)).toMatchObject({ code: 0 });
  });

  test.each(['slow', 'away', 'denied', 'full'] as const)(
    'takes events and tells what is wrong while the store is %s, and then catches up',
    async (fault) => {
      await untilPublished(1);
      double.fault(fault);
      await post(300);
      await until(async () => ((await state())?.lastError ?? null) !== null);
      expect((await state())?.lastError).toContain(LOCATION);
      const before = await size();
      await post(300);
      await until(async () => (await size()) >= before + 300);
      expect((await state())?.lag).toBeGreaterThan(0);
      double.fault('none');
      await untilPublished(600);
      await until(async () => ((await state())?.lastError ?? null) === null);
    },
  );

  test('stops and closes while the store hangs', async () => {
    await untilPublished(1);
    double.fault('mute');
    double.requests.length = 0;
    await post(10);
    await until(() => double.requests.length > 0);
    await audit.stop();
  });

  test('is looked at by the doctor', async () => {
    const finding = async (): Promise<Finding | undefined> => {
      const { lines } = await run('doctor', '--json');
      const findings = JSON.parse(lines[0] ?? '[]') as readonly Finding[];
      return findings.find(({ subject }) => subject === LOCATION);
    };
    await untilPublished(1);
    expect(await finding()).toMatchObject({
      state: 'ok',
      finding: expect.stringContaining('entries') as unknown,
    });
    double.fault('unknown_key');
    expect(await finding()).toMatchObject({
      state: 'FAIL',
      finding: `${LOCATION} refuses GetObject (InvalidAccessKeyId)`,
    });
  });
});
