import { describe, expect, test } from '@jest/globals';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { parseYaml } from '@aduana/server-kit/platform/yaml-document';

/** `file:line: problem` of each. */
function problemsOf(text: string): readonly string[] {
  try {
    parseYaml(text, 'a.yaml');
  } catch (error) {
    if (error instanceof ConfigurationError)
      return error.problems.map(({ subject, problem }) => `${subject}: ${problem}`);
    throw error;
  }
  return [];
}

describe('a strict YAML document', () => {
  test('has the values of the core schema of YAML 1.2, whatever version its directive names', () => {
    const { value } = parseYaml('%YAML 1.1\n---\na: yes\nb: 014\nc: 0o14\nd: ~\ne: 2026-01-01\n', 'a.yaml');
    expect(value).toEqual({ a: 'yes', b: 14, c: 12, d: null, e: '2026-01-01' });
  });

  test('knows the line of each key and item, and of the nearest one above what is not there', () => {
    const document = parseYaml('a:\n  - b: 1\n    c: 2\n  -\nd: { e: [1] }\n', 'a.yaml');
    const lineOf = (...path: PropertyKey[]) => document.locate(path);
    expect([lineOf(), lineOf('a'), lineOf('a', 0, 'c'), lineOf('a', 1)]).toEqual([
      'a.yaml:1',
      'a.yaml:1',
      'a.yaml:3',
      'a.yaml:4',
    ]);
    expect([lineOf('d', 'e', 0), lineOf('d', 'x', 'y')]).toEqual(['a.yaml:5', 'a.yaml:5']);
  });

  test('is refused with all that it may not use, in the order of the file', () => {
    expect(problemsOf('1: a\nb: &c !d x\nb: *c\n---\ne: f\n')).toEqual([
      'a.yaml:1: has a key that is not accepted',
      'a.yaml:2: uses an anchor',
      'a.yaml:2: uses a tag',
      'a.yaml:3: has the key `b` twice',
      'a.yaml:3: uses an alias',
      'a.yaml:4: holds more than one document',
    ]);
  });

  test('is refused with each of as many problems as it has', () => {
    const most = 150_000;
    expect(problemsOf(`a:\n${'  b: 1\n'.repeat(most)}`)).toHaveLength(most - 1);
  });

  test('is refused with the first error of its syntax alone', () => {
    expect(problemsOf('a: 1\nb: [1, 2\nc: *d\n')).toEqual([
      expect.stringMatching(/^a\.yaml:\d: is not valid YAML: /),
    ]);
    expect(problemsOf('a: 1\nb: "\u0007"\n')).toEqual([
      'a.yaml:2: is not valid YAML: it holds an unprintable character',
    ]);
  });

  test('has 100 levels at most', () => {
    expect(problemsOf(`${'['.repeat(100)}${']'.repeat(100)}`)).toEqual([]);
    expect(problemsOf(`${'['.repeat(101)}${']'.repeat(101)}`)).toEqual([
      'a.yaml:1: is nested in more than 100 levels',
    ]);
    expect(problemsOf('['.repeat(50_000))).toHaveLength(1);
  });
});
