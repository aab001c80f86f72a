// npm run check [BASE]: lint, format, types and the tests of what differs from BASE (default: main), in two minutes.
// Tests of whole processes are left to `npm test`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const WHOLE_PROCESSES = /^test\/(e2e|faults|foreign|examples|browser|containers)\//;
/** More than this takes more than two minutes; then those run that are nearest to what was changed. */
const MOST_TESTS = 30;
const base = process.argv[2] ?? 'main';
const started = performance.now();

const since = read('git', ['merge-base', base, 'HEAD'])[0] ?? 'HEAD';
const changed = [
  ...read('git', ['diff', '--name-only', '--diff-filter=d', since]),
  ...read('git', ['ls-files', '--others', '--exclude-standard']),
].filter((file) => existsSync(file));
const code = changed.filter((file) => /\.(ts|js)$/.test(file));
console.log(`${String(changed.length)} files differ from ${base}`);

const failed = [];
if (changed.length > 0)
  step('format', 'npx', ['prettier', '--check', '--ignore-unknown', '--log-level', 'warn', ...changed]);
if (code.length > 0) {
  step('lint', 'npx', [
    'eslint',
    '--cache',
    '--cache-location',
    'node_modules/.cache/eslint/',
    '--no-warn-ignored',
    ...code,
  ]);
  step('types', 'npx', ['tsc', '-p', 'tsconfig.json', '--noEmit']);
}
const tests = testsOf(code);
if (tests.length > 0) step('tests', 'npx', ['jest', '--runTestsByPath', ...tests]);
console.log(`${failed.length === 0 ? 'all is well' : `failed: ${failed.join(', ')}`} after ${seconds()} s`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The tests that import what was changed, without those of whole processes. */
function testsOf(files) {
  if (files.length === 0) return [];
  const related = read('npx', ['jest', '--listTests', '--findRelatedTests', ...files])
    .map((path) => path.replace(`${process.cwd()}/`, ''))
    .filter((path) => !WHOLE_PROCESSES.test(path));
  if (related.length <= MOST_TESTS) return related;
  const nearest = [...related].sort((a, b) => distance(a, files) - distance(b, files)).slice(0, MOST_TESTS);
  console.log(
    `${String(related.length)} tests are concerned; the nearest ${String(MOST_TESTS)} run, npm test runs all`,
  );
  return nearest;
}

/** 0 for a changed test, else how far its mirrored folder is from the nearest changed file. */
function distance(test, files) {
  return Math.min(
    ...files.map((file) =>
      steps(test.replace(/^test\//, ''), file.replace(/^test\//, '').replace('/src/', '/')),
    ),
  );
}

function steps(one, other) {
  const [a, b] = [one.split('/'), other.split('/')];
  let shared = 0;
  while (shared < a.length && a[shared] === b[shared]) shared += 1;
  return a.length + b.length - 2 * shared;
}

function step(name, command, words) {
  console.log(`\n== ${name} (${seconds()} s)`);
  const env = { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --no-warnings' };
  if (spawnSync(command, words, { stdio: 'inherit', env }).status !== 0) failed.push(name);
}

function read(command, words) {
  const { stdout } = spawnSync(command, words, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\n').filter((line) => line !== '');
}

function seconds() {
  return String(Math.round((performance.now() - started) / 1000));
}
