// The attacker hands out an export, and wants what it wrote behind the signed entries to pass for part of the log.
import { expect, test } from '@jest/globals';
import { verifyExport } from '../../console/web/src/verification/verify-export.ts';
import { openDoubleLog } from '../support/double-log.ts';

/** Entries with these numbers of one source, of which the first `size` are signed. */
function exportOf(numbers: readonly number[], size: number) {
  const log = openDoubleLog();
  for (const n of numbers) log.append({ type: 'request', sub: 'bff', n });
  const entries = log.events.map(({ canonical }) => `${canonical}\n`).join('');
  return { entries, checkpoint: log.checkpoint(size).note, vkey: log.vkey };
}

test('the console takes no export for whole that goes on behind its signed entries', async () => {
  expect(await verifyExport(exportOf([0, 1, 2], 3))).toMatchObject({ isWhole: true });
  expect(await verifyExport(exportOf([0, 1, 2], 2))).toMatchObject({ isWhole: false, signedSize: 2 });
});

test('an entry that is not signed fills no gap', async () => {
  const gap = { source: 'gateway one boot', from: 1, to: 1 };
  expect(await verifyExport(exportOf([0, 2, 1], 2))).toMatchObject({ gaps: [gap] });
});
