// The attacker has the login of the audit service's writer, and appends what no source can post: it must stop nothing that the
// log does for others with the entries behind it.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { uuidv7 } from '@aduana/core/platform/ids';
import { closeEndedInstances } from '../../subgraphs/audit/log/close-ended-instances.ts';
import { appendAsWriter } from '../support/append-as-writer.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

/** No JSON, no event, deeper than a database parses, and what it takes no text from. */
const ODD = [
  'x',
  '{}',
  '5',
  '{"source":{},"actor":{}}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '{"detail":{"audit_id":"\\u0000","peer":"\\u0000","minimum_index":"x"}}',
];

describeStores('rows that are no events', (openStore) => {
  let audit: TestLog;
  let folder: string;
  let sink: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-rows-'));
    sink = join(folder, 'events.jsonl');
    const sinks = join(folder, 'sinks.yaml');
    const kinds = ['ocsf', 'cef'].map(
      (format) => `  - { name: ${format}, kind: file, format: ${format}, path: ${sink}.${format} }\n`,
    );
    await writeFile(sinks, `version: 1\nsinks:\n${kinds.join('')}`);
    audit = await openTestLog(openStore, { SIEM_SINKS: sinks });
  });
  afterEach(async () => {
    await audit.remove();
    await rm(folder, { recursive: true });
  });

  /** An embedded database, which no login can reach from outside, ends with what is too deep for it. */
  const odd = () => ODD.filter((text) => audit.store.reader.kind === 'postgresql' || text.length < 1000);

  async function appendAll(columns: Readonly<Record<string, unknown>> = {}): Promise<void> {
    for (const canonical of odd()) await appendAsWriter(audit, canonical, columns);
  }

  const post = (...events: readonly Record<string, unknown>[]) =>
    audit.log.ingest.accept('gateway', postedBody(...events));

  test('are shipped as such, and what follows them is shipped', async () => {
    await appendAll();
    const after = postedEvent();
    await post(after);
    for (const format of ['ocsf', 'cef']) {
      const shipped = () => readFile(`${sink}.${format}`, 'utf8').catch(() => '');
      await until(async () => (await shipped()).includes(String(after['id'])));
      const told = (await shipped()).split('\n').filter((line) => line.includes('audit.malformed'));
      expect(told).toHaveLength(odd().length);
    }
  });

  test('do not keep the log from telling how whole it is', async () => {
    await appendAll({ type: 'stream.messages' });
    await post(postedEvent({ type: 'stream.messages', detail: { first: 1, last: 3, nulled: 2 } }));
    expect((await audit.log.integrity()).streams).toMatchObject({ messages: 3, nulled: 2 });
  });

  test('do not keep what a service left open from being closed', async () => {
    const boot = { instance: 'gateway@1', boot_id: 'x' };
    const intent = (n: number) =>
      postedEvent({
        type: 'request.intent',
        source: { ...boot, n },
        detail: { audit_id: uuidv7(n) },
      });
    await audit.log.ingest.acceptHeld(
      'gateway',
      postedBody(postedEvent({ type: 'source.start', source: { ...boot, n: 0 }, detail: {} }), intent(1)),
    );
    for (const type of ['source.lost', 'request.unknown']) await appendAll({ type, peer: 'audit' });
    for (let row = 0; row < 12; row += 1)
      await appendAll({ type: 'request.intent', peer: 'gateway', instance: boot.instance, boot_id: 'x' });
    for (const type of ['request.flood', 'request.intent'])
      await appendAll({ type, peer: 'gateway', instance: boot.instance, boot_id: 'x' });
    await audit.log.ingest.acceptHeld(
      'gateway',
      postedBody(
        intent(2),
        postedEvent({ type: 'source.start', source: { ...boot, boot_id: 'y', n: 0 }, detail: {} }),
      ),
    );
    const told: string[] = [];
    await closeEndedInstances({
      reader: audit.log.reader,
      stopsFrom: 0,
      sink: {
        record(record: AuditRecord) {
          told.push(record.type);
          return Promise.resolve('');
        },
      },
    });
    expect(told).toEqual(['request.unknown', 'request.unknown', 'source.lost']);
  });

  test('of a retention announce nothing, and end none', async () => {
    await appendAll({ type: 'audit.retention', peer: 'audit' });
    await audit.log.advance();
    await audit.store.writer.query(
      `INSERT INTO minimum_indexes (minimum_index, note, signed_at) VALUES (65536, 'x', now())`,
    );
    await expect(audit.store.writer.query('SELECT drop_entries(0)')).rejects.toThrow('42501');
  });
});
