import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { INTERNAL_PERMISSIONS } from '@aduana/server-kit/iam/built-in-permissions';
import { compile } from '@aduana/server-kit/iam/compile';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { permissionMatches } from '@aduana/server-kit/iam/permission';

const SECURITY = readFileSync('SECURITY.md', 'utf8');
const THREATS = rowsOf(readFileSync('docs/explanation/threat-model.md', 'utf8'), 7);

/** The items of a section's list, each as one text. */
function itemsOf(section: string): readonly string[] {
  const [, text = ''] = SECURITY.split(`\n## ${section}\n`);
  const [own = ''] = text.split('\n## ');
  return own
    .split(/\n(?=- |\d+\. )/)
    .slice(1)
    .map((item) => (item.split('\n\n')[0] ?? '').replaceAll(/\s+/g, ' '));
}

/** The rows of the tables with so many columns, without their heads. */
function rowsOf(text: string, columns: number): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
    .filter((cells) => cells.length === columns && !/^-+$/.test(cells[0] ?? ''))
    .slice(1); // prettier-ignore
}

const testsIn = (text: string): readonly string[] =>
  [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);

const FILES = readdirSync('test', { recursive: true, encoding: 'utf8' }).map((path) => `test/${path}`);

/** The named patterns, which end in a star or name a file, that no test file fits. */
const missing = (text: string): readonly string[] =>
  testsIn(text).filter((pattern) => {
    const beginning = pattern.replace(/\*$/, '');
    return !FILES.some((file) => file.startsWith(beginning) && file.endsWith('.test.ts'));
  });

describe('SECURITY.md', () => {
  const STATEMENTS = [
    'What Aduana promises',
    'If the gateway is taken over',
    'If another part is taken over',
  ].flatMap(itemsOf);

  test('holds what is promised, and what a part that was taken over can do', () => {
    expect(STATEMENTS.length).toBeGreaterThanOrEqual(17);
  });

  test.each(STATEMENTS.map((text) => [text.slice(0, 80), text] as const))(
    'a test plays the attacker of: %s',
    (_beginning, statement) => {
      expect(testsIn(statement)).not.toEqual([]);
      expect(missing(statement)).toEqual([]);
    },
  );
});

describe('the threat model', () => {
  test('covers each boundary, and each kind of threat', () => {
    expect(new Set(THREATS.map(([number]) => number))).toEqual(new Set(['1', '2', '3', '4', '5', '6', '7']));
    expect(new Set(THREATS.map(([, , , kind]) => kind))).toEqual(new Set(['S', 'T', 'R', 'I', 'D', 'E']));
  });

  test.each(THREATS.map((row) => [row[4], row[6]] as const))('a test plays: %s', (_threat, tests = '') => {
    expect(testsIn(tests)).not.toEqual([]);
    expect(missing(tests)).toEqual([]);
  });
});

describe('who may do what', () => {
  const [, text = ''] = SECURITY.split('\n## Who may do what\n');
  const rows = rowsOf(text.split('\n## ')[0] ?? '', 4);
  const wordsOf = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

  test('equals the shipped policies', async () => {
    const engine = compile(await loadPolicies('policies'));
    const documented = rows.map(([who, roles, scopes]) => {
      const patterns = wordsOf(scopes);
      const may = [...engine.catalogue].filter((scope) =>
        patterns.some((pattern) =>
          pattern.includes('*') && INTERNAL_PERMISSIONS.includes(scope)
            ? false
            : permissionMatches(pattern, scope),
        ),
      );
      return { who: wordsOf(who)[0], roles: wordsOf(roles), may: may.sort() };
    });
    const shipped = [...engine.services].map(([who, { roles }]) => ({
      who,
      roles: [...roles],
      may: [...grantableScopes(engine, roles)].sort(),
    }));
    const byName = (a: { who?: string | undefined }, b: { who?: string | undefined }) =>
      String(a.who).localeCompare(String(b.who));
    expect(documented.sort(byName)).toEqual(shipped.sort(byName));
  });

  test('what somebody may not do is granted to nobody of that name', async () => {
    const engine = compile(await loadPolicies('policies'));
    for (const [who, , , refused] of rows) {
      const { roles = [] } = engine.services.get(wordsOf(who)[0] ?? '') ?? {};
      const held = grantableScopes(engine, roles);
      for (const pattern of wordsOf(refused)) {
        expect([...engine.catalogue].filter((scope) => permissionMatches(pattern, scope))).not.toEqual([]);
        expect(held.filter((scope) => permissionMatches(pattern, scope))).toEqual([]);
      }
    }
  });

  test('the gateway and the console alone may exchange', async () => {
    const { services } = await loadPolicies('policies');
    const exchanging = [...services]
      .filter(([, { exchange }]) => exchange !== undefined)
      .map(([name]) => name);
    expect(exchanging).toEqual(['gateway', 'console']);
  });
});
