/** The attacker has the certificate of a gateway, and wants mutations to end unknown without a record. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { uuidv7 } from '@aduana/core/platform/ids';
import { closeEndedInstances } from '../../subgraphs/audit/log/close-ended-instances.ts';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeStores } from '../support/stores.ts';

type Detail = Readonly<Record<string, unknown>>;

const DETAILS = [null, 5, 'x', [], {}, { audit_id: null }, { audit_id: { toString: 1 } }];

describeStores('intents of a gateway that are not as they must be', (openStore) => {
  let audit: TestLog;
  const outcome = uuidv7(1);
  beforeEach(async () => {
    audit = await openTestLog(openStore);
  });
  afterEach(() => audit.remove());

  const of = (n: number, members: object) =>
    postedEvent({ source: { instance: 'gateway@1', boot_id: 'x', n }, ...members });

  /** A boot with these, and with one that is in order after them; closed only by what the test calls. */
  async function end(type: 'source.stop' | 'source.start'): Promise<void> {
    const next = { instance: 'gateway@1', boot_id: 'y', n: 0 };
    await audit.log.ingest.acceptHeld(
      'gateway',
      postedBody(
        of(0, { type: 'source.start', detail: {} }),
        ...DETAILS.map((detail, n) => of(n + 1, { type: 'request.intent', detail })),
        of(DETAILS.length + 1, { type: 'request.intent', detail: { audit_id: outcome } }),
        of(DETAILS.length + 2, { type, ...(type === 'source.start' ? { source: next } : {}) }),
      ),
    );
  }

  /** What a closing records, and whether it goes through; the sink refuses some. */
  async function close(refuses: (detail: Detail) => boolean = () => false) {
    const told: (readonly [string, Detail])[] = [];
    const sink = {
      async record(record: AuditRecord): Promise<string> {
        const detail = record.detail as Detail;
        if (refuses(detail)) throw new Error('refused');
        told.push([record.type, detail]);
        return audit.log.audit.record(record);
      },
    };
    const stopsFrom = await closeEndedInstances({ reader: audit.log.reader, sink, stopsFrom: 0 }).then(
      (closed) => closed.stopsFrom,
      (error: unknown) => error,
    );
    return { told, types: told.map(([type]) => type), stopsFrom };
  }

  const UNKNOWN = Array.from({ length: DETAILS.length + 1 }, () => 'request.unknown');

  test('do not keep later ones of that boot from being closed, once each', async () => {
    await end('source.stop');
    const { told, types, stopsFrom } = await close();
    expect(types).toEqual(UNKNOWN);
    expect(told.at(-1)).toMatchObject(['request.unknown', { audit_id: outcome }]);
    expect(stopsFrom).toBeGreaterThan(DETAILS.length);
    expect(await close()).toMatchObject({ types: [], stopsFrom });
  });

  test('and one whose record is refused keeps no other from its own, and is tried again alone', async () => {
    await end('source.start');
    const refused: unknown[] = [];
    const first = await close(({ intent_id: id }) => {
      refused[0] ??= id;
      return id === refused[0];
    });
    expect(first.types).toEqual(UNKNOWN.slice(1));
    expect(first.stopsFrom).toBeInstanceOf(AggregateError);
    const second = await close();
    expect(second.types).toEqual(['request.unknown', 'source.lost']);
    expect(second.told[0]?.[1]).toMatchObject({ intent_id: refused[0] });
  });
});
