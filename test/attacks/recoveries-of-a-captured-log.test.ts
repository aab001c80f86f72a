// The attacker has captured the audit service with the key of its checkpoints, forges the log anew, and records recoveries
// that nobody approved, so that who holds an older checkpoint does not see that the log is another one.
import { beforeAll, expect, test } from '@jest/globals';
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

beforeAll(async () => {
  since = join(await mkdtemp(join(tmpdir(), 'aduana-since-')), 'checkpoint');
  await writeFile(since, noteOver(TRUE, 10));
});

/** A log of other events, which ends with recoveries that say this. */
function forgedWith(...details: readonly object[]): readonly string[] {
  const others = bootOf(
    { type: 'source.start' },
    ...Array.from({ length: 29 }, () => ({ outcome: 'FAILED' })),
  );
  const recoveries = details.map((detail, n) => {
    const source = { peer: 'audit', instance: 'audit@1', boot_id: 'a', n };
    return {
      source,
      type: 'audit.recover',
      detail: { epoch: 2, reason: 'routine', lost_note: LOST, ...detail },
    };
  });
  return [...others, ...bootOf(...recoveries)];
}

async function verify(texts: readonly string[], signer = TEST_SIGNER) {
  const folder = await writeExport(texts, noteOver(texts, texts.length, signer));
  return verifyLog({ folder, vkey: TEST_SIGNER.vkey, sinceFile: since, now: NOW });
}

test('a recovery that keeps all that was signed, and so has lost nothing', async () => {
  const { exitCode, lines } = await verify(forgedWith({ kept_note: LOST }), signerOfEpoch(2));
  expect({ exitCode, lines }).toMatchObject({ exitCode: EXIT.tampered });
  expect(lines.join()).not.toContain('continues the checkpoint');
});

test('a recovery that keeps more entries than came before it', async () => {
  const kept = noteOver(TRUE, 18);
  const texts = forgedWith({ kept_note: kept }).slice(-11);
  expect((await verify(texts, signerOfEpoch(2))).exitCode).toBe(EXIT.tampered);
});

test('a recovery within the epoch that it says has ended', async () => {
  expect((await verify(forgedWith({ kept_note: '' }))).exitCode).toBe(EXIT.tampered);
});

test('a second recovery, which keeps nothing, beside one that keeps what the older checkpoint covers', async () => {
  const texts = forgedWith({ kept_note: '' }, { kept_note: noteOver(TRUE, 12) });
  expect((await verify(texts, signerOfEpoch(2))).exitCode).toBe(EXIT.tampered);
});

test('a recovery of an epoch that has not begun, which the login of the writer can append: it ends no epoch', async () => {
  const detail = { epoch: 2, reason: 'lag', lost_note: LOST, kept_note: '' };
  const source = { peer: 'audit', instance: 'audit@1', boot_id: 'a', n: 0 };
  const { exitCode, problems } = await verify([
    ...TRUE,
    ...bootOf({ source, type: 'audit.recover', detail }),
  ]);
  expect(exitCode).toBe(EXIT.incomplete);
  expect(problems).toContain('entry 21 is no recovery of this log: it begins epoch 2 of a log in epoch 1');
});

test('none of which hides what a true recovery has lost: the older checkpoint is continued, and the loss told', async () => {
  const kept = TRUE.slice(0, 15);
  const source = { peer: 'audit', instance: 'audit@1', boot_id: 'a', n: 0 };
  const detail = { epoch: 2, reason: 'lag', lost_note: LOST, kept_note: noteOver(TRUE, 15) };
  const texts = [...kept, ...bootOf({ source, type: 'audit.recover', detail })];
  const { exitCode, lines } = await verify(texts, signerOfEpoch(2));
  expect({ exitCode, lines: lines.join() }).toEqual({
    exitCode: EXIT.incomplete,
    lines: expect.stringContaining('continues the checkpoint of 10 entries') as unknown,
  });
});
