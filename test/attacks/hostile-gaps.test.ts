/** The attacker has the certificate of a service, and wants a verdict that hides what others have lost, or none at all. */
import { describe, expect, test } from '@jest/globals';
import { canonicalText } from '@aduana/client/audit/canonical';
import { verifyExport } from '../../packages/audit-verifier/src/index.ts';
import { type CountedEvent, SourceLedger } from '../../subgraphs/audit/checkpoints/source-ledger.ts';
import { postedEvent } from '../support/audit-events.ts';
import { bootOf, writeExport } from '../support/exported-log.ts';

const LOSS = { answered: true, count: 100, ranges: [[1, 100]] };

const ofLeads = (members: object) =>
  canonicalText(postedEvent({ source: { peer: 'leads', instance: 'l', boot_id: 'z', n: 0 }, ...members }));

async function verdictOf(...texts: readonly string[]) {
  const { verdict, problems } = await verifyExport(await writeExport(texts));
  return [verdict, ...problems];
}

describe('an event that admits losses and is not as it must be', () => {
  const gateway = bootOf(
    { type: 'source.start' },
    {
      type: 'audit.gap',
      detail: LOSS,
      source: { peer: 'gateway', instance: 'i', boot_id: 'b', n: 101 },
    },
  );

  test.each([
    [-100],
    ['-Infinity'],
    [-Infinity],
    [0],
    [0.5],
    ['5'],
    [null],
    [true],
    [[7]],
    [{}],
    [{ toString: 1, valueOf: 1 }],
    [{ valueOf: 'x', toString: null }],
  ])('that counts %j admits one, and takes none from what others admit', async (count) => {
    const hostile = ofLeads({ type: 'audit.gap', detail: { answered: true, count } });
    expect(await verdictOf(...gateway, hostile)).toEqual(['INCOMPLETE', 'the log admits 101 lost events']);
  });

  test('takes no number for lost that is still to come', async () => {
    const of = (n: number, members: object = {}) => ({
      ...members,
      source: { peer: 'gateway', instance: 'i', boot_id: 'b', n },
    });
    const detail = { answered: false, count: 1, ranges: [[1, Number.MAX_SAFE_INTEGER]] };
    const texts = bootOf({ type: 'source.start' }, of(2, { type: 'audit.gap', detail }), of(900));
    expect(await verdictOf(...texts)).toEqual(['INCOMPLETE', 'gateway i boot b lacks events 3 to 899']);
    const ledger = new SourceLedger();
    for (const text of texts) ledger.add(JSON.parse(text) as CountedEvent);
    expect(ledger.holes()).toEqual([{ instance: 'i', bootId: 'b', from: 3, to: 899 }]);
  });

  test('whose count is too large stays a number', async () => {
    const hostile = [0, 1].map((n) =>
      ofLeads({
        type: 'audit.gap',
        detail: { answered: true, count: 1e308 },
        source: { peer: 'leads', instance: 'l', boot_id: 'z', n },
      }),
    );
    expect(await verdictOf(...gateway, ...hostile)).toEqual([
      'INCOMPLETE',
      'the log admits 2000000100 lost events',
    ]);
  });
});

describe('an entry whose members are of other types', () => {
  const ODD = { toString: 1, valueOf: 1 };

  test.each([
    [{ source: { peer: ODD, instance: 'l', boot_id: 'z', n: 0 } }],
    [{ source: { peer: 'leads', instance: ODD, boot_id: ODD, n: 0 } }],
    [{ source: ODD }],
    [{ source: null }],
    [{ id: ODD, detail: { operation_kind: ODD } }],
    [{ time: ODD, type: ODD }],
    [{ type: 'audit.gap', detail: ODD }],
    [{ type: 'audit.gap', detail: { ranges: [ODD, [ODD, ODD], null] } }],
    [{ type: 'request.intent', detail: { audit_id: ODD } }],
    [{ type: 'source.start', detail: { alive_seconds: ODD, spool: ODD, previous: [ODD] } }],
    [{ type: 'audit.unheld', source: { peer: 'audit', instance: 'l', boot_id: 'z', n: 0 }, detail: { peer: ODD } }],
    [{ type: 'audit.retention', source: { peer: 'audit', instance: 'l', boot_id: 'z', n: 0 }, detail: { minimum_index: ODD } }],
  ])('%j has a verdict', async (members) => {
    const [verdict] = await verdictOf(...bootOf({ type: 'source.start' }), ofLeads(members));
    expect(['WHOLE', 'INCOMPLETE']).toContain(verdict);
  }); // prettier-ignore
});
