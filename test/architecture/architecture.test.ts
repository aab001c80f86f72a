import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';

interface Violation {
  readonly name: string;
  readonly filePath: string;
  readonly code: string;
  readonly rule: string;
}

interface Architecture {
  readonly modules: readonly string[];
  readonly mayImport: Readonly<Record<string, readonly string[]>>;
}

const architecture = JSON.parse(
  run([
    '--input-type=module',
    '--eval',
    `import { MAY_IMPORT, modulesOnDisk } from './eslint.config.js';
     process.stdout.write(JSON.stringify({ modules: modulesOnDisk(), mayImport: MAY_IMPORT }));`,
  ]),
) as Architecture;

function run(args: readonly string[], input = ''): string {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return execFileSync(process.execPath, args, { encoding: 'utf8', env, input });
}

const tracked = execFileSync('git', ['ls-files', '*.ts', '*.tsx'], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter((path) => existsSync(path));

/** Some source file of a module. */
function fileOf(module: string): string | undefined {
  return tracked.find((path) => path === module || path.startsWith(`${module}/`));
}

function isWithin(module: string, allowed: readonly string[]): boolean {
  return allowed.some((path) => module === path || module.startsWith(`${path}/`));
}

/** An import from a module that is not on the list: one for each zone. */
function forbiddenImport(module: string): Violation | undefined {
  const allowed = [module, ...(architecture.mayImport[module] ?? [])];
  const target = Object.keys(architecture.mayImport)
    .filter((other) => !isWithin(other, allowed))
    .map(fileOf)
    .find((file) => file !== undefined);
  if (target === undefined) return undefined;
  const filePath = /\.tsx?$/.test(module) ? module : join(module, 'violation.ts');
  const path = relative(dirname(filePath), target);
  return {
    name: `${module} may not import ${target}`,
    filePath,
    code: `import '${path.startsWith('.') ? path : `./${path}`}';\n`,
    rule: 'import-x/no-restricted-paths',
  };
}

const LONG_FILE = 'export const line = 1;\n'.replace('1', '[\n' + '  1,\n'.repeat(250) + ']');
const LONG_FUNCTION = `export function long() {\n${'  void 0;\n'.repeat(60)}}\n`;

const RULES: readonly Violation[] = [
  ...(
    [
      ['core reaches a public module by its name too', 'packages/core/src/errors/x.ts', "import '@aduana/server-kit/config/load-config';\n", 'import-x/no-restricted-paths'],
      ['the environment is read in cli/main.ts alone', 'gateway/x.ts', "export const home = process.env['HOME'];\n", 'no-restricted-properties'],
      ['the time comes from the clock', 'packages/core/src/tokens/x.ts', 'export const now = () => Date.now();\n', 'no-restricted-properties'],
      ['a date of now comes from the clock', 'packages/core/src/tokens/x.ts', 'export const now = () => new Date();\n', 'no-restricted-syntax'],
      ['randomness comes from platform/ids', 'subgraphs/sts/x.ts', 'export const luck = () => Math.random();\n', 'no-restricted-properties'],
      ['lines go through the log', 'subgraphs/audit/x.ts', "console.log('x');\n", 'no-console'],
      ['exports have names', 'certs/x.ts', 'export default 1;\n', 'import-x/no-default-export'],
      ['a module keeps no state', 'gateway/x.ts', 'let calls = 0;\nexport const count = () => ++calls;\n', 'no-restricted-syntax'],
      ['signing has modules of its own', 'gateway/x.ts', "import { sign } from 'node:crypto';\nsign(null, Buffer.of(), '');\n", 'no-restricted-imports'],
      ['ciphers have modules of their own', 'cli/x.ts', "import { createCipheriv } from 'node:crypto';\ncreateCipheriv('', '', '');\n", 'no-restricted-imports'],
      ['tokens are handled in packages/*/src/tokens', 'gateway/x.ts', "import { jwtVerify } from 'jose';\nvoid jwtVerify;\n", 'no-restricted-imports'],
      ['SHA-256 stands in platform/digest', 'packages/core/src/http/x.ts', "import { createHash } from 'node:crypto';\ncreateHash('sha256');\n", 'no-restricted-imports'],
      ['graphql-shield is loaded by the guard alone', 'packages/server-kit/src/graphql/x.ts', "import 'graphql-shield';\n", 'no-restricted-imports'],
      ['the verifier depends on Node alone', 'packages/audit-verifier/src/x.ts', "import 'jose';\n", 'no-restricted-imports'],
      ['a file has 250 lines at most', 'gateway/x.ts', LONG_FILE, 'max-lines'],
      ['a function has 60 lines at most', 'gateway/x.ts', LONG_FUNCTION, 'max-lines-per-function'],
    ] as const
  ).map(([name, filePath, code, rule]) => ({ name, filePath, code, rule })),
]; // prettier-ignore

const zones = Object.keys(architecture.mayImport)
  .filter((module) => fileOf(module) !== undefined)
  .map(forbiddenImport)
  .filter((violation) => violation !== undefined);
const violations = [...zones, ...RULES];

/** Files that can be reached from themselves over imports, those of types included. */
function importCircles(): readonly string[] {
  const imports = new Map(sourceFiles().map((file) => [file, importsOf(file)]));
  const reached = (from: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const target of imports.get(from) ?? []) if (!seen.has(target)) reached(target, seen.add(target));
    return seen;
  };
  return [...imports.keys()].filter((file) => reached(file).has(file));
}

function sourceFiles(): readonly string[] {
  return tracked.filter((path) => !path.startsWith('test/'));
}

function importsOf(file: string): readonly string[] {
  const specifiers = [...readFileSync(file, 'utf8').matchAll(/^(?:import|export) [^;]*?from '([^']+)';/gm)];
  return specifiers.flatMap(([, specifier = '']) => {
    if (specifier.startsWith('.')) return [join(dirname(file), specifier)];
    const [, name, path] = /^@aduana\/([a-z-]+)\/(.+)$/.exec(specifier) ?? [];
    return name === undefined || path === undefined ? [] : [`packages/${name}/src/${path}.ts`];
  });
}

test('no files import each other in a circle', () => {
  expect(sourceFiles().length).toBeGreaterThan(500);
  expect(importsOf('cli/up.ts')).toContain('cli/command-context.ts');
  expect(importCircles()).toEqual([]);
});

/** For each folder, which of its entries import which others of its entries, over all files within them. */
function arrowsBySibling(): ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>> {
  const siblings = new Map<string, Map<string, Set<string>>>();
  for (const file of sourceFiles())
    for (const target of importsOf(file)) {
      const from = file.split('/');
      const to = target.split('/');
      const depth = from.findIndex((name, index) => name !== to[index]);
      const folder = from.slice(0, depth).join('/');
      const arrows = siblings.get(folder) ?? new Map<string, Set<string>>();
      siblings.set(folder, arrows);
      const [source = '', reached = ''] = [from[depth], to[depth]];
      arrows.set(source, (arrows.get(source) ?? new Set()).add(reached));
    }
  return siblings;
}

/** Folders that can be reached from themselves over the imports of what lies in the same folder. */
function folderCircles(): readonly string[] {
  return [...arrowsBySibling()].flatMap(([folder, arrows]) => {
    const reached = (from: string, seen = new Set<string>()): ReadonlySet<string> => {
      for (const target of arrows.get(from) ?? []) if (!seen.has(target)) reached(target, seen.add(target));
      return seen;
    };
    const folders = [...arrows.keys()].filter((entry) => !entry.endsWith('.ts'));
    return folders.filter((entry) => reached(entry).has(entry)).map((entry) => `${folder}/${entry}`);
  });
}

test('no folders of one folder import each other in a circle', () => {
  expect([...(arrowsBySibling().get('gateway')?.get('documents') ?? [])]).toContain('limits');
  expect(folderCircles()).toEqual([]);
});

describe('the lint guards the architecture', () => {
  const broken = new Map<Violation, readonly string[]>();

  beforeAll(() => {
    const results = JSON.parse(
      run(['test/support/lint-texts.js'], JSON.stringify(violations)),
    ) as readonly (readonly string[])[];
    violations.forEach((violation, index) => broken.set(violation, results[index] ?? []));
  });

  test('every folder that holds code has a row in MAY_IMPORT', () => {
    expect(architecture.modules.filter((module) => architecture.mayImport[module] === undefined)).toEqual([]);
  });

  test('only the benchmarks and the tests may import everything', () => {
    const open = architecture.modules.filter(
      (module) => !zones.some(({ filePath }) => filePath.startsWith(module)),
    );
    const holdingCode = open.filter((module) => fileOf(module) !== undefined);
    expect(holdingCode.filter((module) => module !== 'bench' && module !== 'test')).toEqual([]);
  });

  test.each(violations)('$name', (violation) => {
    expect(broken.get(violation)).toContain(violation.rule);
  });
});
