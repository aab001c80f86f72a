import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const files = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const DOCUMENTS = [...readdirSync('.').filter((name) => name.endsWith('.md')), ...files('docs')];

/** The targets of a file's links within the repository. */
function linksOf(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a file's headings, as GitHub makes them. */
function anchorsOf(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  const anchors = [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set(anchors);
}

describe.each(DOCUMENTS)('%s', (file) => {
  test('every link leads somewhere', () => {
    const broken = linksOf(file).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const goal = path === '' ? file : join(dirname(file), path);
      if (!existsSync(goal)) return true;
      return anchor !== undefined && goal.endsWith('.md') && !anchorsOf(goal).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});

/** Decisions by their folder, and what to do about alerts by the page that lists them. */
function isListedElsewhere(file: string): boolean {
  return file.startsWith('docs/adr/') || (file.startsWith('docs/runbooks/') && !file.endsWith('/README.md'));
}

test('docs/README.md lists each page under one of the four kinds', () => {
  const listed = linksOf('docs/README.md').map((target) => normalize(join('docs', target)));
  const pages = files('docs').filter((file) => file !== 'docs/README.md' && !isListedElsewhere(file));
  expect(listed.filter((target) => target.startsWith('docs/') && target.endsWith('.md')).sort()).toEqual(
    [...pages].sort(),
  );
  expect([...readFileSync('docs/README.md', 'utf8').matchAll(/^## (\w+)/gm)].map(([, kind]) => kind)).toEqual(
    ['Tutorial', 'Guides', 'Reference', 'Explanation'],
  );
});
