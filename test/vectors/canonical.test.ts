import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalText } from '@aduana/client/audit/canonical';
import { canonicalise } from '@aduana/audit-verifier/canonical';
import { describeVectors } from '../support/shared-vectors.ts';

describeVectors('RFC 8785 of cyberphone', 'cyberphone-jcs/testdata', (folder) => {
  const read = (kind: string, file: string): string => readFileSync(join(folder, kind, file), 'utf8');

  test.each(readdirSync(join(folder, 'input')))('%s', (file) => {
    const input = JSON.parse(read('input', file)) as unknown;
    const expected = read('output', file).trimEnd();
    expect(canonicalise(input)).toBe(expected);
    // an event is an object: what is none stands in one
    expect(canonicalText({ value: input })).toBe(`{"value":${expected}}`);
    const hex = read('outhex', file.replace('.json', '.txt')).replaceAll(/\s/g, '');
    expect(Buffer.from(expected).toString('hex')).toBe(hex);
  });

  test.each([1000, 10_000, 100_000])('the published file of %d numbers', (lines) => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const published = new RegExp(`\\| ([0-9a-f]{64}) \\| ${String(lines)} `).exec(readme)?.[1];
    const hash = createHash('sha256');
    const numbers = generateNumbers(readme);
    for (let line = 0; line < lines; line += 1) {
      const value = numbers.next().value ?? 0;
      hash.update(`${bitsOf(value)},${canonicalise(value)}\n`);
    }
    expect(hash.digest('hex')).toBe(published);
  });
});

/** Doubles in the order that the vectors' README describes: its own list, subnormals, then chained hashes. */
function* generateNumbers(readme: string): Generator<number, undefined> {
  const listed = readme.slice(0, readme.indexOf('staticF64s')).matchAll(/0x([0-9a-f]{16})n/g);
  for (const [, bits = ''] of listed) yield Buffer.from(bits, 'hex').readDoubleBE();
  for (let at = 0n; at < 2000n; at += 1n) {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64BE(0x0010000000000000n + at);
    yield buffer.readDoubleBE();
  }
  for (let block = Buffer.alloc(32); ;) {
    block = Buffer.from(createHash('sha256').update(block).digest());
    for (let at = 0; at < 32; at += 8) {
      const value = block.readDoubleLE(at);
      if (value !== 0 && Number.isFinite(value)) yield value;
    }
  }
}

function bitsOf(value: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return buffer.readBigUInt64BE().toString(16);
}
