// The attacker has captured the audit service with the key of its checkpoints, forges the log anew, and records recoveries
// that nobody approved, so that who holds an older checkpoint does not see that the log is another one.
import { beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { bootOf, noteOver, signerOfEpoch, TEST_SIGNER, writeExport } from '../support/exported-log.ts';

const NOW = Date.parse('2026-01-01T00:00:10Z');
const TRUE = bootOf({ type: 'source.start' }, ...Array.from({ length: 20 }, () => ({})));
const LOST = noteOver(TRUE);
let since: string;

beforeEach(async () => {
  since = join(await mkdtemp(join(tmpdir(), 'aduana-since-')), 'checkpoint');
  await writeFile(since, noteOver(TRUE, 10));
});

const others = (count: number): readonly string[] =>
  bootOf({ type: 'source.start' }, ...Array.from({ length: count - 1 }, () => ({ outcome: 'FAILED' })));

/** Entries that say this of how epoch 1 ended. */
const recoveriesThat = (...details: readonly object[]): readonly string[] =>
  details.flatMap((detail, n) =>
    bootOf({
      source: { peer: 'audit', instance: 'audit@1', boot_id: 'a', n },
      type: 'audit.recover',
      detail: { epoch: 2, reason: 'routine', lost_note: LOST, ...detail },
    }),
  );

async function verify(texts: readonly string[], signer = TEST_SIGNER) {
  const folder = await writeExport(texts, noteOver(texts, texts.length, signer));
  return verifyLog({ folder, vkey: TEST_SIGNER.vkey, sinceFile: since, now: NOW });
}

test('a recovery that keeps all that was signed, and so has lost nothing', async () => {
  const { exitCode } = await verify([...TRUE, ...recoveriesThat({ kept_note: LOST })], signerOfEpoch(2));
  expect(exitCode).toBe(EXIT.tampered);
});

test('a recovery that keeps more entries than came before it', async () => {
  const texts = [...others(5), ...recoveriesThat({ kept_note: noteOver(TRUE, 18) })];
  const { exitCode, lines } = await verify(texts, signerOfEpoch(2));
  expect(lines.join()).not.toContain('continues the checkpoint');
  expect(exitCode).toBe(EXIT.tampered);
});

test('a recovery within the epoch that it says has ended', async () => {
  const { exitCode } = await verify([...others(30), ...recoveriesThat({ kept_note: '' })]);
  expect(exitCode).toBe(EXIT.tampered);
});

test('a recovery that keeps nothing, before one that keeps what the older checkpoint covers', async () => {
  await writeFile(since, noteOver(others(10)));
  const recoveries = recoveriesThat({ kept_note: '' }, { kept_note: noteOver(TRUE, 12) });
  const { exitCode } = await verify([...TRUE.slice(0, 12), ...recoveries], signerOfEpoch(2));
  expect(exitCode).toBe(EXIT.tampered);
});

test('a recovery of an epoch that has not begun, which the login of the writer can append: it ends no epoch', async () => {
  const { exitCode, problems } = await verify([...TRUE, ...recoveriesThat({ kept_note: '' })]);
  expect(exitCode).toBe(EXIT.incomplete);
  expect(problems).toContain('entry 21 is no recovery of this log: it begins epoch 2 of a log in epoch 1');
});

test('none of which hides what a true recovery has lost: the older checkpoint is continued, and the loss told', async () => {
  const texts = [...TRUE.slice(0, 15), ...recoveriesThat({ kept_note: noteOver(TRUE, 15) })];
  const { exitCode, lines } = await verify(texts, signerOfEpoch(2));
  expect({ exitCode, lines: lines.join() }).toEqual({
    exitCode: EXIT.incomplete,
    lines: expect.stringContaining('continues the checkpoint of 10 entries') as unknown,
  });
});
