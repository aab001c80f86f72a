import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';

interface Violation {
  readonly name: string;
  readonly filePath: string;
  readonly code: string;
  readonly rule: string;
}

interface House {
  readonly rooms: readonly string[];
  readonly mayImport: Readonly<Record<string, readonly string[]>>;
}

const house = JSON.parse(
  run([
    '--input-type=module',
    '--eval',
    `import { MAY_IMPORT, roomsOnDisk } from './eslint.config.js';
     process.stdout.write(JSON.stringify({ rooms: roomsOnDisk(), mayImport: MAY_IMPORT }));`,
  ]),
) as House;

function run(args: readonly string[], input = ''): string {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return execFileSync(process.execPath, args, { encoding: 'utf8', env, input });
}

/** Some source file of a room. */
function fileOf(room: string): string | undefined {
  if (room.endsWith('.ts')) return existsSync(room) ? room : undefined;
  if (!existsSync(room)) return undefined;
  const file = readdirSync(room, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith('.ts'));
  return file === undefined ? undefined : join(room, file);
}

function isWithin(room: string, allowed: readonly string[]): boolean {
  return allowed.some((path) => room === path || room.startsWith(`${path}/`));
}

/** An import from a room that is not on the list: one for each zone. */
function forbiddenImport(room: string): Violation | undefined {
  const allowed = [room, ...(house.mayImport[room] ?? [])];
  const target = Object.keys(house.mayImport)
    .filter((other) => !isWithin(other, allowed))
    .map(fileOf)
    .find((file) => file !== undefined);
  if (target === undefined) return undefined;
  const filePath = room.endsWith('.ts') ? room : join(room, 'violation.ts');
  const path = relative(dirname(filePath), target);
  return {
    name: `${room} may not import ${target}`,
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
      ['core reaches a public module by its name too', 'core/src/errors/x.ts', "import '@aduana/core/config/load-config';\n", 'import-x/no-restricted-paths'],
      ['the environment is read in cli/main.ts alone', 'gateway/x.ts', "export const home = process.env['HOME'];\n", 'no-restricted-properties'],
      ['the time comes from the clock', 'core/src/tokens/x.ts', 'export const now = () => Date.now();\n', 'no-restricted-properties'],
      ['a date of now comes from the clock', 'core/src/tokens/x.ts', 'export const now = () => new Date();\n', 'no-restricted-syntax'],
      ['randomness comes from platform/ids', 'subgraphs/sts/x.ts', 'export const luck = () => Math.random();\n', 'no-restricted-properties'],
      ['lines go through the log', 'subgraphs/audit/x.ts', "console.log('x');\n", 'no-console'],
      ['exports have names', 'certs/x.ts', 'export default 1;\n', 'import-x/no-default-export'],
      ['a module keeps no state', 'gateway/x.ts', 'let calls = 0;\nexport const count = () => ++calls;\n', 'no-restricted-syntax'],
      ['signing has rooms of its own', 'gateway/x.ts', "import { sign } from 'node:crypto';\nsign(null, Buffer.of(), '');\n", 'no-restricted-imports'],
      ['ciphers have rooms of their own', 'cli/x.ts', "import { createCipheriv } from 'node:crypto';\ncreateCipheriv('', '', '');\n", 'no-restricted-imports'],
      ['tokens are handled in core/src/tokens', 'gateway/x.ts', "import { jwtVerify } from 'jose';\nvoid jwtVerify;\n", 'no-restricted-imports'],
      ['SHA-256 stands in platform/digest', 'core/src/http/x.ts', "import { createHash } from 'node:crypto';\ncreateHash('sha256');\n", 'no-restricted-imports'],
      ['graphql-shield is loaded by the guard alone', 'core/src/graphql/x.ts', "import 'graphql-shield';\n", 'no-restricted-imports'],
      ['the auditor stands on Node alone', 'auditor/x.ts', "import 'jose';\n", 'no-restricted-imports'],
      ['a file has 250 lines at most', 'gateway/x.ts', LONG_FILE, 'max-lines'],
      ['a function has 60 lines at most', 'gateway/x.ts', LONG_FUNCTION, 'max-lines-per-function'],
    ] as const
  ).map(([name, filePath, code, rule]) => ({ name, filePath, code, rule })),
]; // prettier-ignore

const zones = Object.keys(house.mayImport)
  .filter((room) => fileOf(room) !== undefined)
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
  const tracked = execFileSync('git', ['ls-files', '*.ts'], { encoding: 'utf8' }).trim().split('\n');
  return tracked.filter((path) => !path.startsWith('test/') && existsSync(path));
}

function importsOf(file: string): readonly string[] {
  const specifiers = [...readFileSync(file, 'utf8').matchAll(/^(?:import|export) [^;]*?from '([^']+)';/gm)];
  return specifiers.flatMap(([, specifier = '']) => {
    if (specifier.startsWith('.')) return [join(dirname(file), specifier)];
    const [, inCore] = /^@aduana\/core\/(.+)$/.exec(specifier) ?? [];
    return inCore === undefined ? [] : [`core/src/${inCore}.ts`];
  });
}

test('no files import each other in a circle', () => {
  expect(sourceFiles().length).toBeGreaterThan(500);
  expect(importsOf('cli/up.ts')).toContain('cli/command-context.ts');
  expect(importCircles()).toEqual([]);
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
    expect(house.rooms.filter((room) => house.mayImport[room] === undefined)).toEqual([]);
  });

  test('only the benchmarks and the tests may import everything', () => {
    const open = house.rooms.filter((room) => !zones.some(({ filePath }) => filePath.startsWith(room)));
    const holdingCode = open.filter((room) => fileOf(room) !== undefined);
    expect(holdingCode.filter((room) => room !== 'bench' && room !== 'test')).toEqual([]);
  });

  test.each(violations)('$name', (violation) => {
    expect(broken.get(violation)).toContain(violation.rule);
  });
});
