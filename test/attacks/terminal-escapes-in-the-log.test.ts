/**
 * The attacker is a captured service, or whoever gives the reason of a recovery: what it writes into the log shall erase or
 * reorder what the verifier and the CLI print on a terminal, so that an incomplete log looks whole.
 */
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalText } from '@aduana/client/audit/canonical';
import { createNoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createJsonLog } from '@aduana/core/platform/json-log';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { printable, printableLines } from '@aduana/audit-verifier/printable';
import { verifyExport } from '@aduana/audit-verifier';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { createPrinter } from '../../cli/create-printer.ts';
import { postedEvent } from '../support/audit-events.ts';
import { bootOf, noteOver, rootOver, TEST_SIGNER, writeExport } from '../support/exported-log.ts';

/** Erases the line and the one above; a C1 control; reorders; ends a line; hides; a tag beyond the basic plane; fillers that nobody sees. */
const HOSTILE =
  'x\u001b[2K\u001b[1A\r\u009b2J\u202e\u2066\u2028\u200b\udb40\udc41\u3164\u115f\u034f\ufe0f\u2800\u007fWHOLE';
const SHOWN =
  'x\\u001b[2K\\u001b[1A\\u000d\\u009b2J\\u202e\\u2066\\u2028\\u200b\\udb40\\udc41\\u3164\\u115f\\u034f\\ufe0f\\u2800\\u007fWHOLE';
/** That of `TEST_SIGNER`. */
const SEED = createHash('sha256').update('test').digest();
const NOW = Date.parse('2026-01-02');

/** Whether a terminal shows all of it as it is. */
const isPlain = (line: string): boolean => !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(line);

describe('a verdict shows and does not obey', () => {
  test('the id of a request', async () => {
    const intent = { type: 'request.intent', detail: { audit_id: HOSTILE } };
    const folder = await writeExport(bootOf({ type: 'source.start', detail: {} }, intent));
    const { verdict, lines, problems } = await verifyLog({ folder, now: NOW });
    expect(verdict).toBe('INCOMPLETE');
    expect(lines.filter((line) => !isPlain(line))).toEqual([]);
    expect(lines.join('\n')).toContain('x\\u001b[2K\\u001b[1A\\u000d\\u009b2J\\u202e');
    // what programs read is exact
    expect(problems.join('\n')).toContain(HOSTILE);
    expect((await verifyExport(folder)).problems).toEqual(problems);
  });

  test('the peer, the instance and the boot of a source', async () => {
    const source = { peer: HOSTILE, instance: HOSTILE, boot_id: HOSTILE, n: 3 };
    const folder = await writeExport([canonicalText(postedEvent({ source }))]);
    const { lines } = await verifyLog({ folder, now: NOW });
    expect(lines.filter((line) => !isPlain(line))).toEqual([]);
  });

  test('the reason of a recovery', async () => {
    const [start = ''] = bootOf({ type: 'source.start', detail: {} });
    const lostNote = noteOver([start, start]);
    const detail = { epoch: 2, reason: HOSTILE, lost_note: lostNote, kept_note: noteOver([start]) };
    const source = { peer: 'audit', instance: 'a', boot_id: 'r', n: 0 };
    const texts = [start, canonicalText(postedEvent({ type: 'audit.recover', source, detail }))];
    const name = `${TEST_SIGNER.name}/epoch/2`;
    const signer = createNoteSigner(name, SEED);
    const note = signCheckpoint({ origin: name, size: texts.length, root: rootOver(texts) }, [signer]);
    const { verdict, lines } = await verifyLog({ folder: await writeExport(texts, note), now: NOW });
    expect([verdict, lines.length]).toEqual(['INCOMPLETE', 2]);
    expect(lines.filter((line) => !isPlain(line))).toEqual([]);
    expect(lines.join('\n')).toContain('were lost (x\\u001b[2K');
  });

  test('the name of a folder and of a log', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'aduana-')), 'a\u001b[2Kb');
    const { lines } = await verifyLog({ folder, now: NOW });
    expect(lines.filter((line) => !isPlain(line))).toEqual([]);
    await rm(join(folder, '..'), { recursive: true });
  });
});

describe('the CLI shows events and does not obey them', () => {
  const written = (isTTY: boolean, line: string): string => {
    const texts: string[] = [];
    createPrinter({ isTTY, write: (text: string) => texts.push(text) })(line);
    return texts.join('');
  };
  const event = canonicalText({ detail: HOSTILE });

  test('on a terminal, where an event remains the same JSON value', () => {
    const shown = written(true, event);
    expect(isPlain(shown.trimEnd())).toBe(true);
    expect(JSON.parse(shown)).toEqual({ detail: HOSTILE });
    expect(written(true, 'one\n\ttwo')).toBe('one\n\ttwo\n');
  });

  test('and gives programs every byte', () => {
    expect(written(false, event)).toBe(`${event}\n`);
  });

  test('each character as JSON escapes it', () => {
    expect(printable(HOSTILE)).toBe(SHOWN);
    expect(printable(`a${String.fromCharCode(0xd800)}`)).toBe('a\\ud800');
    expect(printable('a\n\tb')).toBe('a\\u000a\\u0009b');
    expect(printableLines('a\n\tb\r')).toBe('a\n\tb\\u000d');
    expect(printable('Größe 漢字 🙂 – “ok”')).toBe('Größe 漢字 🙂 – “ok”');
  });
});

describe('a line of a service’s log shows and does not obey', () => {
  const logs = {
    'of the services': (write: (line: string) => void) => createLog('info', write),
    'of packages': (write: (line: string) => void) => createJsonLog({ clock: createSystemClock(), write }),
  };

  test.each(Object.entries(logs))('%s: the text, a field and an error', (_name, open) => {
    const lines: string[] = [];
    open((line) => lines.push(line)).error(HOSTILE, { peer: HOSTILE, error: new Error(HOSTILE) });
    expect(lines.filter((line) => !isPlain(line.trimEnd()))).toEqual([]);
    expect(JSON.parse(lines.join(''))).toMatchObject({ msg: HOSTILE, peer: HOSTILE });
  });
});
