import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNoteSigner } from '@aduana/server-kit/audit/checkpoint';
import { leafHash, nodeHash } from '@aduana/server-kit/audit/merkle';
import { verifyConsistency, verifyExport, verifyInclusion } from '@aduana/audit-verifier';
import { describe, expect, test } from '@jest/globals';
import { bootOf, noteOver, TEST_SIGNER, writeExport } from '../../support/exported-log.ts';

const TEXTS = bootOf({ type: 'source.start' }, {}, {}, { type: 'source.stop' });

describe('verifyExport', () => {
  test('reports a whole log with the size and root of its checkpoint', async () => {
    const folder = await writeExport(TEXTS);
    const root = Buffer.from(noteOver(TEXTS).split('\n')[2] ?? '', 'base64').toString('hex');
    const whole = { verdict: 'WHOLE', size: 4, root, problems: [] };
    expect(await verifyExport(folder)).toEqual(whole);
    expect(await verifyExport(folder, { vkey: TEST_SIGNER.vkey })).toEqual(whole);
  });

  test('reports a tampered log, also where nothing is signed by the key that is known', async () => {
    const changed = await writeExport([TEXTS[1] ?? '', TEXTS[0] ?? '', ...TEXTS.slice(2)], noteOver(TEXTS));
    expect(await verifyExport(changed)).toMatchObject({
      verdict: 'TAMPERED',
      size: 4,
      problems: [expect.any(String)],
    });
    const other = createNoteSigner('test.local/audit', createHash('sha256').update('other').digest());
    expect(await verifyExport(await writeExport(TEXTS), { vkey: other.vkey })).toEqual({
      verdict: 'TAMPERED',
      size: 0,
      root: '',
      problems: ['the checkpoint is not signed by the log'],
    });
  });

  test('reports every gap of an incomplete log, without a bound', async () => {
    const sources = Array.from({ length: 30 }, (_, at) => ({
      source: { peer: 'gateway', instance: 'i', boot_id: `boot-${String(at)}`, n: 1 },
    }));
    const { verdict, size, problems } = await verifyExport(await writeExport(bootOf(...sources)));
    expect({ verdict, size }).toEqual({ verdict: 'INCOMPLETE', size: 30 });
    expect(problems).toHaveLength(30);
    expect(problems[0]).toBe('gateway i boot boot-0 lacks event 0');
  });

  test('rejects where there is no log to verify', async () => {
    await expect(verifyExport('/nowhere')).rejects.toThrow(Error);
    const folder = await writeExport(TEXTS);
    await expect(verifyExport(folder, { vkey: 'no key' })).rejects.toThrow(Error);
    await rm(join(folder, 'vkey'));
    await expect(verifyExport(folder)).rejects.toThrow(Error);
    await writeFile(join(folder, 'vkey'), TEST_SIGNER.vkey);
    expect((await verifyExport(folder)).verdict).toBe('WHOLE');
  });
});

describe('proofs', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => leafHash(text)) as [Buffer, Buffer, Buffer];
  const two = nodeHash(a, b);
  const three = nodeHash(two, c);
  const hex = (bytes: Buffer) => bytes.toString('hex');
  const inclusion = { index: 2, size: 3, leafHash: c, proof: [two], root: three };
  const consistency = { first: 2, second: 3, proof: [c], firstRoot: two, secondRoot: three };

  test('hashes are Buffers or hexadecimal digits, and a leaf may be given itself', () => {
    expect(verifyInclusion(inclusion)).toBe(true);
    expect(
      verifyInclusion({ index: 2, size: 3, leafHash: hex(c), proof: [hex(two)], root: hex(three) }),
    ).toBe(true);
    for (const leaf of [Buffer.from('c'), new Uint8Array([0x63]), '63'])
      expect(verifyInclusion({ index: 2, size: 3, leaf, proof: [two], root: three })).toBe(true);
    expect(verifyConsistency(consistency)).toBe(true);
    expect(
      verifyConsistency({
        ...consistency,
        proof: [hex(c).toUpperCase()],
        firstRoot: hex(two),
        secondRoot: hex(three),
      }),
    ).toBe(true);
  });

  test.each([
    ['another leaf', { leafHash: b }],
    ['another index', { index: 1 }],
    ['an index beyond the tree', { index: 3 }],
    ['a negative index', { index: -1 }],
    ['half an index', { index: 1.5 }],
    ['another size', { size: 4 }],
    ['another root', { root: two }],
    ['a short root', { root: hex(three).slice(2) }],
    ['a hash that is not hexadecimal', { proof: ['zz'.repeat(32)] }],
    ['no proof', { proof: [] }],
    ['a proof that is no list', { proof: 'x' as never }],
    ['too long a proof', { proof: [two, two] }],
    ['no leaf', { leafHash: undefined as never }],
  ])('inclusion is not proven with %s', (_, change) => {
    expect(verifyInclusion({ ...inclusion, ...change })).toBe(false);
  });

  test.each([
    ['the roots exchanged', { firstRoot: three, secondRoot: two }],
    ['the sizes exchanged', { first: 3, second: 2 }],
    ['an empty first tree', { first: 0 }],
    ['another hash', { proof: [a] }],
    ['no proof', { proof: [] }],
    ['too long a proof', { proof: [c, c] }],
    ['a size that is no number', { second: '3' as never }],
    ['a root that is missing', { secondRoot: undefined as never }],
    ['roots that are none', { first: 5, second: 5, proof: [], firstRoot: '', secondRoot: '' }],
    ['roots that differ', { first: 5, second: 5, proof: [], firstRoot: 'ab', secondRoot: 'ac' }],
  ])('consistency is not proven with %s', (_, change) => {
    expect(verifyConsistency({ ...consistency, ...change })).toBe(false);
  });
});
