import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const LONG = Object.entries(scripts).flatMap(([name, command]) => {
  const [, file] = /node ((?:bench|tools)\/[\w/-]+\.js)$/.exec(command) ?? [];
  return file !== undefined && /^(?:bench|fuzz|soak|test:)/.test(name) ? [[name, file] as const] : [];
});

test('all scripts that take long are looked at', () => {
  expect(LONG.length).toBeGreaterThan(8);
});

test.each(LONG)('npm run %s -- --help says how it is run, and runs nothing', (name, file) => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [file, '--help'], {
    encoding: 'utf8',
    env,
    timeout: 60_000,
  });
  expect({ status, lines: stdout.split('\n').length < 12 }).toEqual({ status: 0, lines: true });
  expect(stdout).toContain(`npm run ${name}`);
});
