/** The attacker has the certificate of one service, and wants what it does to stay out of every SIEM. */
import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalText } from '@aduana/client/audit/canonical';
import { formatRecord } from '../../subgraphs/audit/shippers/format-record.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const ODD: readonly unknown[] = [
  null,
  5,
  'x',
  true,
  [],
  ['x'],
  { toString: 1 },
  { code: {}, source_address: [], trace_id: 'x' },
  { source_address: { toString: 1 } },
];
const MEMBERS = ['detail', 'request', 'policy', 'trace'] as const;

const format = (event: Readonly<Record<string, unknown>>, as: 'ocsf' | 'cef') =>
  formatRecord(
    { kind: 'entry', seq: 1, time: new Date(0), has_namesake: false, leaf_hash: Buffer.alloc(32), canonical: canonicalText({ ...event, source: { peer: 'leads', instance: 'l', boot_id: 'b', n: 1 } }) },
    as,
    0,
  ); // prettier-ignore

describe('an event whose members are not as they must be', () => {
  test.each(MEMBERS)('in %s has a record in each format, of each class', (member) => {
    for (const value of ODD)
      for (const classUid of [3002, 3003, 3004, 3005, 6002, 6003, 0, -1, 9e15])
        for (const as of ['ocsf', 'cef'] as const) {
          const { text, id, traceId } = format(
            postedEvent({ type: 'app.x', class_uid: classUid, [member]: value }),
            as,
          );
          expect(text).toContain(id);
          expect(traceId).toBeUndefined();
        }
  });

  test.each(['app.constructor', 'app.valueOf', 'app.hasOwnProperty', 'app.__proto__'])(
    'of the type %s is of an activity that is a number',
    (type) => {
      for (const classUid of [3002, 3004, 6002]) {
        const actor = { sub: 'x', auth_method: type.slice(4) };
        const { text } = format(postedEvent({ type, class_uid: classUid, actor }), 'ocsf');
        const {
          type_uid: typeUid,
          severity_id: severity,
          ...ocsf
        } = JSON.parse(text) as Record<string, unknown>;
        expect([typeUid, severity]).toEqual([expect.any(Number), expect.any(Number)]);
        expect(ocsf['activity_id']).toBe(99);
      }
    },
  );
});

describeStores('what the log says of itself', (openStore) => {
  test.each([
    { first: 0, last: 'x', nulled: 0 },
    { first: -1e308, last: 1e308, nulled: 1e308 },
    { first: {}, last: [], nulled: true },
    null,
    'x',
  ])('is there whatever a gateway counts of its streams: %j', async (detail) => {
    const audit = await openTestLog(openStore);
    const type = 'stream.messages';
    const sound = postedEvent({ type, detail: { first: 1, last: 3, nulled: 2 } });
    await audit.log.ingest.accept('gateway', postedBody(postedEvent({ type, detail }), sound));
    const { streams } = await audit.log.integrity();
    expect(streams).toMatchObject({ messages: 3, nulled: 2 });
    await audit.remove();
  });
});

describeStores('a sink', (openStore) => {
  test('is sent what other services record after it, and the odd event too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-sink-'));
    const [sinks, path] = [join(folder, 'sinks.yaml'), join(folder, 'events.jsonl')];
    await writeFile(sinks, `version: 1\nsinks:\n  - { name: soc, kind: file, path: ${path} }\n`);
    const audit = await openTestLog(openStore, { SIEM_SINKS: sinks });
    const odd = MEMBERS.map((member) => postedEvent({ type: 'app.x', [member]: 'odd' }));
    await audit.log.ingest.accept('leads', postedBody(...odd, postedEvent({ type: 'app.x', detail: null })));
    const after = postedEvent();
    await audit.log.ingest.accept('gateway', postedBody(after));
    const shipped = () => readFile(path, 'utf8').catch(() => '');
    await until(async () => (await shipped()).includes(String(after['id'])));
    const text = await shipped();
    for (const { id } of odd) expect(text).toContain(String(id));
    await audit.remove();
    await rm(folder, { recursive: true });
  });
});
