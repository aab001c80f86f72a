import { describe, expect, test } from '@jest/globals';
import { readEvidence } from '../../../console/web/src/verification/read-evidence.ts';
import { verifyEvent } from '../../../console/web/src/verification/verify-event.ts';
import { verifyExport } from '../../../console/web/src/verification/verify-export.ts';
import { verifyGrowth } from '../../../console/web/src/verification/verify-growth.ts';
import { openDoubleLog } from '../../support/double-log.ts';

function filledLog(count: number) {
  const log = openDoubleLog();
  for (let at = 0; at < count; at += 1)
    log.append({ type: 'request', sub: 'bff', operation: `Op${String(at)}` });
  return log;
}

describe('an event', () => {
  const log = filledLog(21);
  const evidence = {
    canonical: log.events[5]?.canonical ?? '',
    seq: 5,
    size: 21,
    hashes: log.inclusion(5),
    note: log.checkpoint().note,
    vkey: log.vkey,
  };

  test('with a true proof is in the log, and the signature is valid', async () => {
    const verdict = await verifyEvent(evidence);
    expect(verdict).toMatchObject({ isIncluded: true, signature: 'valid' });
    expect(verdict.steps?.at(-1)).toMatchObject({ from: 0, to: 21 });
  });

  test('of which one letter was changed is not', async () => {
    const changed = { ...evidence, canonical: evidence.canonical.replace('Op5', 'Op6') };
    expect(await verifyEvent(changed)).toMatchObject({ isIncluded: false });
  });

  test('under a checkpoint of another key is included, and the signature is not of the log', async () => {
    expect(await verifyEvent({ ...evidence, vkey: filledLog(1).vkey })).toMatchObject({
      isIncluded: true,
      signature: 'unsigned',
    });
  });

  test('under a checkpoint that was changed has no valid signature', async () => {
    const note = evidence.note.replace('\n21\n', '\n22\n');
    expect(await verifyEvent({ ...evidence, note })).toMatchObject({
      isIncluded: false,
      signature: 'invalid',
    });
  });

  test('is read from the console’s own file and from a C2SP proof', () => {
    expect(readEvidence(JSON.stringify(evidence), '')).toEqual({ kind: 'event', evidence });
    const hashes = evidence.hashes.map((hash) => Buffer.from(hash, 'hex').toString('base64'));
    const proof = ['c2sp.org/tlog-proof@v1', 'index 5', ...hashes, '', evidence.note].join('\n');
    expect(readEvidence(proof, log.vkey, evidence.canonical)).toEqual({ kind: 'event', evidence });
  });

  test.each(['', '{}', '[]', 'null', 'c2sp.org/tlog-proof@v1', '\n\n', 'x\n1\n'])(
    'is not read from %j',
    (text) => {
      expect(readEvidence(text, '')?.kind).not.toBe('event');
    },
  );
});

describe('an export', () => {
  const log = filledLog(40);
  const entries = log.events.map(({ canonical }) => canonical).join('\n');
  const files = { entries, checkpoint: log.checkpoint().note, vkey: log.vkey };

  test('that is whole gives the root that was signed', async () => {
    expect(await verifyExport(files)).toEqual({
      entries: 40,
      signedSize: 40,
      isWhole: true,
      signature: 'valid',
      gaps: [],
    });
  });

  test('with an entry left out does not, and names its number', async () => {
    const lines = entries.split('\n').filter((_, at) => at !== 7);
    expect(await verifyExport({ ...files, entries: lines.join('\n') })).toMatchObject({
      isWhole: false,
      gaps: [{ source: 'gateway one boot', from: 7, to: 7 }],
    });
  });

  test('of which the last entries were cut is not whole', async () => {
    const lines = entries.split('\n').slice(0, 30);
    expect(await verifyExport({ ...files, entries: lines.join('\n') })).toMatchObject({ isWhole: false });
  });
});

describe('growth', () => {
  const log = filledLog(40);
  const claim = {
    olderNote: log.checkpoint(13).note,
    newerNote: log.checkpoint(40).note,
    hashes: log.consistency(13, 40),
    vkey: log.vkey,
  };

  test('is shown by a true proof', async () => {
    expect(await verifyGrowth(claim)).toEqual({ from: 13, to: 40, hasOnlyGrown: true, signature: 'valid' });
  });

  test('is refuted where what was there is another log', async () => {
    const other = filledLog(13).checkpoint().note;
    expect(await verifyGrowth({ ...claim, olderNote: other })).toMatchObject({
      hasOnlyGrown: false,
      signature: 'unsigned',
    });
  });
});
