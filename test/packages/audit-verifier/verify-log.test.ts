import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNoteSigner } from '@aduana/server-kit/audit/checkpoint';
import { leafHash } from '@aduana/server-kit/audit/merkle';
import { signMinimumIndex } from '@aduana/server-kit/audit/minimum-index';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { bootOf, noteOver, TEST_SIGNER, writeExport } from '../../support/exported-log.ts';

const NOW = Date.parse('2026-01-01T00:00:10Z');
const texts = bootOf(
  { type: 'source.start' },
  {},
  { detail: { line: 'a\u2028b' } },
  {},
  { type: 'source.stop' },
);

const verdictOf = async (folder: string, more: object = {}) => verifyLog({ folder, now: NOW, ...more });
const exitOf = async (folder: string, more: object = {}) => (await verdictOf(folder, more)).exitCode;

describe('the offline verifier', () => {
  test('finds a whole log whole', async () => {
    const { exitCode, lines } = await verdictOf(await writeExport(texts));
    expect(lines.at(-1)).toBe('WHOLE');
    expect(exitCode).toBe(EXIT.whole);
  });

  test('detects every single byte that is changed', async () => {
    const folder = await writeExport(texts);
    const file = join(folder, 'entries.jsonl');
    const original = await readFile(file);
    for (let at = 0; at < original.length - 1; at += 7) {
      const changed = Buffer.from(original);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(file, changed);
      expect(await exitOf(folder)).toBe(EXIT.tampered);
    }
  });

  test.each([
    ['an entry is missing', texts.toSpliced(2, 1)],
    ['two entries are swapped', [texts[1], texts[0], ...texts.slice(2)]],
    ['the last entries are missing', texts.slice(0, 3)],
    ['an entry was added', [...texts, texts[1]]],
    ['nothing is there', []],
  ])('calls the log tampered with when %s', async (_, changed) => {
    expect(await exitOf(await writeExport(changed as string[], noteOver(texts)))).toBe(EXIT.tampered);
  });

  test('accepts no signature but the key that is known from elsewhere', async () => {
    const other = createNoteSigner('test.local/audit', createHash('sha256').update('other').digest());
    expect(await exitOf(await writeExport(texts), { vkey: other.vkey })).toBe(EXIT.tampered);
  });

  test('finds that a log does not continue an older checkpoint', async () => {
    const folder = await writeExport(texts);
    const since = join(folder, 'older');
    await writeFile(since, noteOver(texts, 3));
    expect(await exitOf(folder, { sinceFile: since })).toBe(EXIT.whole);
    await writeFile(since, noteOver([...texts.slice(0, 2), texts[4] ?? '']));
    expect(await exitOf(folder, { sinceFile: since })).toBe(EXIT.tampered);
    await writeFile(since, noteOver([...texts, ...texts]));
    expect(await exitOf(folder, { sinceFile: since })).toBe(EXIT.tampered);
  });

  describe('of a log that has dropped entries', () => {
    const announced = [
      ...texts,
      ...bootOf({
        source: { peer: 'audit', instance: 'audit@1', boot_id: 'a', n: 700 },
        type: 'audit.retention',
        detail: { minimum_index: 3 },
      }),
    ];

    async function dropFrom(all: readonly string[], minimumIndex = 3): Promise<string> {
      const folder = await writeExport(all.slice(3), noteOver(all));
      const note = signMinimumIndex(TEST_SIGNER.name, minimumIndex, [TEST_SIGNER]);
      await writeFile(join(folder, 'minimum-index'), note);
      await writeFile(
        join(folder, 'dropped-hashes'),
        Buffer.concat(all.slice(0, 3).map((text) => leafHash(text))),
      );
      return folder;
    }

    test('judges what is kept, and says what is dropped', async () => {
      const folder = await dropFrom(announced);
      const { exitCode, lines } = await verdictOf(folder);
      expect(lines[1]).toMatch(/^3 entries dropped by retention, as entry 5 announces/);
      expect(exitCode).toBe(EXIT.whole);
      await writeFile(join(folder, 'since'), noteOver(announced, 2));
      expect(await exitOf(folder, { sinceFile: join(folder, 'since') })).toBe(EXIT.whole);
      await writeFile(join(folder, 'since'), noteOver([texts[1] ?? '', texts[0] ?? '']));
      expect(await exitOf(folder, { sinceFile: join(folder, 'since') })).toBe(EXIT.tampered);
    });

    test('calls it tampered with where no event of the log itself announces that', async () => {
      expect(await exitOf(await dropFrom(texts))).toBe(EXIT.tampered);
      expect(
        await exitOf(await dropFrom(announced.map((text) => text.replace('"peer":"audit"', '"peer":"sts"')))),
      ).toBe(EXIT.tampered);
      expect(await exitOf(await dropFrom(announced, 2))).toBe(EXIT.tampered);
    });

    test('accepts no minimum index but one that the log has signed', async () => {
      const folder = await dropFrom(announced);
      const other = createNoteSigner(TEST_SIGNER.name, createHash('sha256').update('other').digest());
      await writeFile(join(folder, 'minimum-index'), signMinimumIndex(TEST_SIGNER.name, 3, [other]));
      expect(await exitOf(folder)).toBe(EXIT.tampered);
      await writeFile(join(folder, 'minimum-index'), noteOver(announced));
      expect(await exitOf(folder)).toBe(EXIT.tampered);
    });
  });

  test('misses an event that its source has counted', async () => {
    const holed = bootOf({ type: 'source.start' }, {}, {}).toSpliced(1, 1);
    const { exitCode, lines } = await verdictOf(await writeExport(holed));
    expect(exitCode).toBe(EXIT.incomplete);
    expect(lines).toContain('INCOMPLETE: gateway i boot b lacks event 1');
  });

  test('misses the outcome of an intent', async () => {
    const intent = { type: 'request.intent', detail: { audit_id: 'the-request' } };
    expect(await exitOf(await writeExport(bootOf(intent)))).toBe(EXIT.incomplete);
    expect(await exitOf(await writeExport(bootOf(intent, { id: 'the-request' })))).toBe(EXIT.whole);
    const unknown = { type: 'request.unknown', detail: { peer: 'gateway', audit_id: 'the-request' } };
    const ofTheLog = { ...unknown, source: { peer: 'audit', instance: 'audit@1', boot_id: 'a', n: 0 } };
    expect(await exitOf(await writeExport(bootOf(intent, ofTheLog)))).toBe(EXIT.whole);
    expect(await exitOf(await writeExport(bootOf(intent, unknown)))).toBe(EXIT.incomplete);
  });

  test('tells losses that were answered from losses that were refused', async () => {
    const gap = (answered: boolean) => ({
      type: 'audit.gap',
      detail: { count: 2, ranges: [[3, 4]], answered },
    });
    expect(await exitOf(await writeExport(bootOf({}, {}, gap(false))))).toBe(EXIT.whole);
    expect(await exitOf(await writeExport(bootOf({}, {}, gap(true))))).toBe(EXIT.incomplete);
  });

  test('judges age only when asked', async () => {
    const folder = await writeExport(texts);
    expect(await exitOf(folder, { now: NOW + 3_600_000 })).toBe(EXIT.whole);
    expect(await exitOf(folder, { now: NOW + 3_600_000, maxAgeSeconds: 60 })).toBe(EXIT.incomplete);
    expect(await exitOf(folder, { maxAgeSeconds: 60 })).toBe(EXIT.whole);
  });

  test('takes no log for young because one of its sources says that it is tomorrow', async () => {
    const folder = await writeExport([
      ...texts,
      ...bootOf({
        source: { peer: 'leads', instance: 'i', boot_id: 'l', n: 0 },
        time: '9999-01-01T00:00:00.000Z',
      }),
    ]);
    expect(await exitOf(folder)).toBe(EXIT.whole);
    expect(await exitOf(folder, { maxAgeSeconds: 86_400, now: NOW + 172_800_000 })).toBe(EXIT.incomplete);
  });

  test('tells a folder without a log from a tampered one', async () => {
    expect(await exitOf('/nowhere')).toBe(EXIT.usage);
    expect(await exitOf(await writeExport(texts), { vkey: 'no key' })).toBe(EXIT.usage);
  });

  test('imports nothing but what Node brings, and nothing of the server', async () => {
    const folder = new URL('../../../packages/audit-verifier/src/', import.meta.url);
    for (const name of await readdir(folder)) {
      const source = await readFile(new URL(name, folder), 'utf8');
      const imported = [...source.matchAll(/from '([^']+)'/g)].map(([, module]) => module ?? '');
      expect(imported.filter((module) => !/^(node:[\w/]+|\.\/[\w-]+\.ts)$/.test(module))).toEqual([]);
    }
  });
});
