// The attacker hands out an export, and wants whoever verifies it to be busy for hours.
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { writeExport } from '../support/exported-log.ts';

const problemsOf = async (folder: string): Promise<readonly string[]> =>
  (await verifyLog({ folder, now: Date.now() })).problems;

test('a line that does not end is read no further than the longest entry goes', async () => {
  const folder = await writeExport([]);
  await truncate(join(folder, 'entries.jsonl'), 268_435_456);
  expect(await problemsOf(folder)).toEqual(['line 1 is longer than any entry of a log']);
});

test.each([
  [65_535, 'entry 300 is not JSON'],
  [65_536, 'line 301 is longer than any entry of a log'],
])('a line of %d bytes behind others: %s', async (length, problem) => {
  const texts = [...Array.from({ length: 300 }, (_, n) => `{"n":${String(n)}}`), 'x'.repeat(length)];
  expect(await problemsOf(await writeExport(texts))).toEqual([problem]);
});
