import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const LISTED = ['core', 'client', 'subgraph', 'audit-verifier'];
const SPECIFIER = /['"]@aduana\/([a-z-]+)(?:\/([^'"]+))?['"]/g;

interface Import {
  readonly file: string;
  readonly name: string;
  /** A key of `exports`. */
  readonly path: string;
}

function importsOfSources(): readonly Import[] {
  const tracked = execFileSync('git', ['ls-files', '*.ts', '*.js'], { encoding: 'utf8' }).trim().split('\n');
  return tracked
    .filter((file) => !file.startsWith('test/') && existsSync(file))
    .flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(SPECIFIER)].map(([, name = '', module]) => ({
        file,
        name,
        path: module === undefined ? '.' : `./${module}`,
      })),
    );
}

function exportsOf(
  name: string,
): Readonly<Record<string, { readonly types: string; readonly default: string }>> {
  const manifest = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8')) as {
    exports: Record<string, { types: string; default: string }>;
  };
  const { './package.json': _, ...modules } = manifest.exports;
  return modules;
}

describe.each(LISTED)('the exports of @aduana/%s', (name) => {
  const listed = exportsOf(name);

  test('name every module that other packages and services import, in order', () => {
    const imported = importsOfSources().filter(
      (one) => one.name === name && !one.file.startsWith(`packages/${name}/`),
    );
    expect(imported.filter(({ path }) => listed[path] === undefined)).toEqual([]);
    expect(Object.keys(listed)).toEqual(Object.keys(listed).sort());
  });

  test('are modules that exist, each with its types', () => {
    for (const [path, targets] of Object.entries(listed)) {
      const module = path === '.' ? 'index' : path.slice(2);
      expect(targets).toEqual({ types: `./dist/${module}.d.ts`, default: `./dist/${module}.js` });
      expect(existsSync(`packages/${name}/src/${module}.ts`)).toBe(true);
    }
  });

  test('are not listed where nobody but the package itself uses them', () => {
    const used = new Set(
      importsOfSources()
        .filter((one) => one.name === name)
        .map(({ path }) => path),
    );
    const own = ['.', './express', './fastify', './graphql-ws', './node-http'];
    expect(Object.keys(listed).filter((path) => !used.has(path) && !own.includes(path))).toEqual([]);
  });
});
