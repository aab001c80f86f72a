// The attacker hands out an export, or a log that is published, and wants the verifier to end without a verdict.
import { expect, test } from '@jest/globals';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { noteOver, writeExport } from '../support/exported-log.ts';

/** An event of the longest line, which may be one that is read for a recovery. */
const nested = (levels: number, type = 'x'): string =>
  `{"detail":${'['.repeat(levels)}${']'.repeat(levels)},"source":{"peer":"audit"},"type":"${type}"}`;

const problemsOf = async (text: string): Promise<readonly string[]> => {
  const folder = await writeExport([text], noteOver([text]));
  return (await verifyLog({ folder, now: Date.now() })).problems;
};

test.each([64, 1000, 32_000])('an entry with lists %d deep is not one that a log writes', async (levels) => {
  expect(await problemsOf(nested(levels))).toEqual(['entry 0 is not in canonical form']);
});

test('one as deep as a log may write them is judged', async () => {
  expect(await problemsOf(nested(63))).toEqual([]);
});

test('a recovery with deep lists binds nothing that the log has signed', async () => {
  expect(await problemsOf(nested(32_000, 'audit.recover'))).toEqual([
    'the recovery of the log binds what the log has not signed',
  ]);
});
