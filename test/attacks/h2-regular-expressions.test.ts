import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { isPermission, isPermissionPattern } from '@aduana/server-kit/iam/permission';
import fc from 'fast-check';
import ts from 'typescript';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';

const FOLDERS = ['packages', 'gateway', 'subgraphs', 'cli', 'certs', 'examples'];
const SIZE = 1_048_576;
/** Where the square shows already, and its time can still be waited for. */
const FIRST_SIZE = 32_768;
const CPU_MS = 1_000;
const FIRST_CPU_MS = 250;

const found = FOLDERS.flatMap(sourcesIn).flatMap(expressionsIn);
const literals = [...new Map(found.map((one) => [`${one.file} ${one.text}`, one])).values()];

test('expressions that are put together when the program runs are these alone', () => {
  const composed = FOLDERS.flatMap(sourcesIn).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bRegExp\(/g)].map(() => file),
  );
  expect(composed).toEqual(Array.from({ length: 2 }, () => 'packages/server-kit/src/iam/permission.ts'));
  for (const text of ['a', 'a:', 'a:*:', '*:', ':', '**', 'a-', 'a_'])
    for (const check of [isPermission, isPermissionPattern])
      expect(check(`${text.repeat(Math.ceil(SIZE / text.length))}\n`)).toBe(false);
});

test('one that is not linear would be noticed', async () => {
  for (const bad of [/ ?Did you mean .+\?$/s, /\s+$/, /^\d+\w+$/, /<[^>]+>$/])
    expect(await growthOf(bad)).toBeGreaterThan(20); // linear work grows 8 times, the square 64 times
});

test('every expression of the program is found', () => {
  expect(literals.length).toBeGreaterThan(100);
});

test.each(literals.map(({ file, text }) => [`${file} ${text}`, text] as const))(
  'takes linear work over 1 MiB of its worst case: %s',
  async (_name, literal) => {
    const expression = toExpression(literal);
    const { spent, worst } = await slowestOf(expression, FIRST_SIZE);
    expect(spent).toBeLessThan(FIRST_CPU_MS);
    const text = worst(SIZE);
    expect(await costOf(expression, text)).toBeLessThan(CPU_MS);
  },
);

/** Both from every start and for every match, as `replace` and `matchAll` do; in milliseconds of CPU. */
function costOf(expression: RegExp, text: string): Promise<number> {
  return cpuMilliseconds(() => {
    expression.lastIndex = 0;
    expression.test(text);
    text.replace(expression, '');
  });
}

/** How much more the worst case takes when it is 8 times as long; a garbage collection in a small one is left out. */
async function growthOf(expression: RegExp): Promise<number> {
  const { spent, worst } = await slowestOf(expression, FIRST_SIZE);
  const small = worst(FIRST_SIZE / 8);
  let least = Infinity;
  for (let run = 0; run < 5; run += 1) least = Math.min(least, await costOf(expression, small));
  return spent / least;
}

/** The worst of the bad cases at one size, and what it takes. */
async function slowestOf(expression: RegExp, size: number) {
  let slowest = { spent: 0, worst: (_size: number): string => '' };
  for (const worst of badCases(expression)) {
    const text = worst(size);
    const spent = await costOf(expression, text);
    if (spent >= slowest.spent) slowest = { spent, worst };
    if (spent > FIRST_CPU_MS) break;
  }
  return slowest;
}

/** What matches for long and then does not: each character, and the whole, of texts that match, repeated before a bad end. */
function badCases(expression: RegExp): ((size: number) => string)[] {
  const samples = samplesOf(expression);
  const characters = new Set([...Array.from(samples.join('')), 'a', ' ', '\n'].slice(0, 24));
  const [sample = ''] = samples;
  const words = expression.source.match(/[\w ]{2,}/g) ?? [];
  const units = [...characters, ...words, ...samples.filter((text) => text.length > 1).map((text) => text.slice(0, 256))];
  return units.flatMap((unit) =>
    ['', sample.slice(0, 64)].map((before) => (size: number) => `${before}${unit.repeat(Math.ceil(size / unit.length)).slice(0, size)}\u0000`),
  );
} // prettier-ignore

function samplesOf(expression: RegExp): string[] {
  try {
    return fc.sample(fc.stringMatching(new RegExp(expression.source, expression.flags.replace('y', ''))), {
      numRuns: 4,
      seed: 7,
    });
  } catch {
    return Array.from(expression.source.replaceAll(/\\./g, 'a')); // what it is written with comes near to what it matches
  }
}

function toExpression(literal: string): RegExp {
  const end = literal.lastIndexOf('/');
  return new RegExp(literal.slice(1, end), literal.slice(end + 1));
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['node_modules', 'dist'].includes(entry.name) ? [] : sourcesIn(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

function expressionsIn(file: string): { readonly file: string; readonly text: string }[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const texts: { file: string; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) texts.push({ file, text: node.text });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}
