// The attacker writes to the bucket in which a log is published, and wants whoever verifies it to be busy for hours.
import { expect, test } from '@jest/globals';
import { openNote, parseVerifierKey, type VerifierKey } from '@aduana/audit-verifier/note';
import { bundleEntries } from '@aduana/audit-verifier/tile-path';
import { noteOver, TEST_SIGNER } from '../support/exported-log.ts';

const key = parseVerifierKey(TEST_SIGNER.vkey) as VerifierKey;

test('a note with as many signatures under the id of the key as fit, each of which would be verified over the whole text', () => {
  const note = noteOver([]);
  const [head = '', signature = ''] = note.split('\n\n');
  expect(openNote(note, key)).toBe(`${head}\n`);
  const wrong = signature.replace(/[A-Za-z0-9+/]{20}=*\n$/, `${'A'.repeat(19)}=\n`);
  expect(openNote(`${head}\n\n${wrong.repeat(100)}`, key)).toBeUndefined();
  expect(openNote(`${head}\n\n${wrong.repeat(1000)}${signature}`, key)).toBeUndefined();
});

test('a bundle behind whose entries millions of empty ones follow', () => {
  expect(bundleEntries(Buffer.alloc(512))).toHaveLength(256);
  expect(bundleEntries(Buffer.alloc(514))).toBeUndefined();
});
