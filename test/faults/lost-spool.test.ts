import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { type AnswerLedger, openAnswerLedger } from '../support/answer-ledger.ts';
import { type LinkedDatabase, linkDatabase } from '../support/cut-store.ts';
import { type SeparateProcesses, startSeparateProcesses } from '../support/separate-processes.ts';
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { describePostgresServer, dropDeploymentDatabase } from '../support/stores.ts';
import { until } from '../support/until.ts';

describePostgresServer('the deployment apart with `SPOOL=replicated`, cut from its database', (serverUrl) => {
  const name = `aduana_test_${randomBytes(6).toString('hex')}`;
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
  const log = createLog('silent', () => undefined);
  const closers: (() => Promise<unknown>)[] = [];
  let database: LinkedDatabase;
  let deployment: SeparateProcesses;
  let ledger: AnswerLedger;
  let load: SteadyLoad;

  beforeAll(async () => {
    const admin = openPgDatabase({ url: serverUrl, schema: 'public', log, statementTimeoutMilliseconds: 60_000 });
    await admin.query(`CREATE DATABASE ${name}`);
    closers.unshift(() => dropDeploymentDatabase(admin, name).then(() => admin.close()));
    database = await linkDatabase(url);
    closers.unshift(() => database.link.down());
    deployment = await startSeparateProcesses(database.url, { SPOOL: 'replicated' });
    closers.unshift(() => deployment.remove());
    ledger = openAnswerLedger(url);
    closers.unshift(() => ledger.close());
    const reading = { authorization: deployment.credentials('bff'), document: '{ leads { company } }' };
    const writing = (n: number) => ({
      authorization: deployment.credentials('actuator'),
      document: `mutation { advanceLead(id: "lead-1", to: CONTACTED, idempotencyKey: "${String(n)}") { id } }`,
    });
    load = startSteadyLoad(deployment.gatewayUrl, 4, (n) => (n % 5 === 0 ? writing(n) : reading));
    closers.unshift(() => load.stop());
    await load.untilMore(20);
  }); // prettier-ignore
  afterAll(async () => {
    for (const close of closers) await close();
  });

  test('a gateway that is killed and loses its disk, and an audit replica that is killed, lose nothing that was answered', async () => {
    await database.link.down();
    await until(async () => (await deployment.health('gateway'))?.checks['audit'] === 'spooling');
    expect(await deployment.health('audit')).toMatchObject({ code: 200, checks: { database: 'the database does not answer' } });
    const before = load.answers.length;
    await load.untilMore(100);
    const answered = load.answers.slice(before).filter(({ status, code }) => status === 200 && code === undefined);
    expect(answered.length).toBeGreaterThan(80);

    await deployment.kill('gateway');
    await deployment.kill('audit');
    await rm(join(deployment.folder, 'home/spool/gateway'), { recursive: true });
    await database.link.up();
    deployment.start('audit');
    deployment.start('gateway');
    await deployment.untilHealth('gateway', (told) => told?.checks['audit'] === 'ok');
    await load.untilMore(20);
    await load.stop();
    const answers = load.take();
    ledger.add(answers);
    await until(async () => (await ledger.missing()).length === 0).catch(() => undefined);
    const lost = await ledger.missing();
    let verdict: string | undefined;
    await until(async () => {
      verdict = (await deployment.aduana('audit', 'verify')).stdout.trim().split('\n').at(-1);
      return verdict === 'WHOLE';
    }).catch(() => undefined);
    process.stdout.write(`${String(answers.length)} answers, ${String(answered.length)} of 100 while the log was away; ${String(lost.length)} lost; ${String(verdict)}\n`);
    expect({ lost, verdict }).toEqual({ lost: [], verdict: 'WHOLE' });
  }); // prettier-ignore

  test('while no audit replica is there either, nothing is answered as done', async () => {
    await deployment.kill('audit');
    const answers = async () => {
      const before = load.answers.length;
      await load.untilMore(20);
      return load.answers.slice(before);
    };
    const reading = { authorization: deployment.credentials('bff'), document: '{ leads { company } }' };
    load = startSteadyLoad(deployment.gatewayUrl, 2, () => reading);
    closers.unshift(() => load.stop());
    await load.untilMore(4);
    const refused = await answers();
    expect(new Set(refused.map(({ status, code }) => `${String(status)} ${String(code)}`))).toEqual(new Set(['503 AUDIT_UNAVAILABLE']));
    expect(Math.max(...refused.map(({ milliseconds }) => milliseconds))).toBeLessThan(7000);
    deployment.start('audit');
    await until(async () => (await answers()).every(({ status }) => status === 200));
    await load.stop();
  }); // prettier-ignore
});
