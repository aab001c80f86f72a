import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

/**
 * Words that this code once used in a sense of its own, and the word that a reader of the specifications knows
 * (docs/glossary.md).
 */
const WORDS: readonly (readonly [found: RegExp, instead: string])[] = [
  [/\bhouses?\b/i, 'deployment, or installation'],
  [/\brooms\b/i, 'modules, or dependencies'],
  [/\bstrangers?\b/i, 'unauthenticated caller'],
  [/\bmisfits?\b/i, 'fast path mismatch'],
  [/\b(house|room)(Line|Client|Config|Options|Settings|s)\b/i, 'deployment, dependencies'],
  [/\b\w*(House|Subgraph|Service)Lines?\b/, 'connection'],
  [/\bqueued[ -]?places\b/i, 'bounded semaphore'],
  [/\bdead[ -]boots?\b/i, 'crashed instance'],
  [/\bjournals?\b/i, 'request audit'],
  [/\b(outer|inner) walls?\b/i, 'handler, boundary'],
  [/\bdoors?\b/i, 'boundary, listener'],
  [/\bwho comes\b/i, 'client'],
];

/** What was released keeps its words; the rest of these holds words of others, or is this list. */
const NOT_OURS = /^CHANGELOG\.md$|package-lock\.json$|^LICENSE$|^NOTICE$|^test\/docs\/words\.test\.ts$/;
const BINARY = /\.(png|jpg|ico|woff2|gz|der|p12|bin|pack)$/;

/** Every file that git knows, those that are new included: sources, pages, documents, charts, tools and benchmarks. */
function files(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split('\0').filter((file) => file !== '' && !NOT_OURS.test(file) && !BINARY.test(file));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // removed, and not yet committed
  }
}

/** `file:line: what is there`. */
function findWords(file: string, text: string): readonly string[] {
  const named = WORDS.filter(([word]) => word.test(file)).map(([, instead]) => `${file}: say ${instead}`);
  const lines = WORDS.some(([word]) => word.test(text)) ? text.split('\n') : [];
  return [
    ...named,
    ...lines.flatMap((line, index) =>
      WORDS.filter(([word]) => word.test(line)).map(
        ([, instead]) => `${file}:${String(index + 1)}: ${line.trim().slice(0, 120)} -> say ${instead}`,
      ),
    ),
  ];
}

test('no file or name uses a word in a sense that only this code had', () => {
  expect(files().flatMap((file) => findWords(file, textOf(file)))).toEqual([]);
});

test('the search reaches everything that is written here', () => {
  const all = files();
  for (const part of [
    /^docs\/.*\.md$/,
    /^console\/web\/.*\.tsx$/,
    /^console\/web\/.*\.css$/,
    /^deploy\/.*\.ya?ml$/,
    /^deploy\/.*\.tpl$|^deploy\/.*templates\//,
    /^tools\//,
    /^bench\//,
    /^policies\//,
    /^test\//,
    /^packages\/.*\.ts$/,
    /\.graphql$/,
    /^\.env\.example$/,
    /^README\.md$/,
    /^Dockerfile$/,
    /^\.ci\//,
  ])
    expect([String(part), all.some((file) => part.test(file))]).toEqual([String(part), true]);
});

test.each([
  'const rooms = createRooms();',
  'every HouseLine is closed',
  'throw MISFIT;',
  'a stranger is refused',
  'QueuedPlaces',
  'a dead boot',
])('such a word is found: %s', (line) => {
  expect(findWords('docs/a.md', `# A\n${line}\n`)).not.toEqual([]);
});
