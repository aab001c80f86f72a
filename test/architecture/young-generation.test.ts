import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const FLAG = /--(?:max-semi-space-size=\d+|no-allocation-site-pretenuring)/g;
const SCRIPT = 'process.stdout.write(JSON.stringify([process.pid, process.execArgv.slice(0, 2)]))';

const flagsIn = (file: string): readonly string[] => readFileSync(file, 'utf8').match(FLAG) ?? [];

test('every way to start a gateway has the same flags for the garbage collector', () => {
  const flags = flagsIn('cli/main.ts');
  expect(flags).toHaveLength(2);
  expect(flagsIn('Dockerfile')).toEqual(flags);
  expect(flagsIn('bench/start-process.js')).toEqual(flags);
  const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    bin: { aduana: string };
    scripts: { start: string };
  };
  expect(bin.aduana).toBe('dist/cli/main.js');
  expect(scripts.start).toMatch(/ && exec \.\/dist\/cli\/main\.js up$/);
});

test('the first line of the command becomes one Node process with those flags', () => {
  const [, command = ''] =
    /^#!(\/usr\/bin\/env -S node .*)\n/.exec(readFileSync('cli/main.ts', 'utf8')) ?? [];
  const started = execFileSync('sh', ['-c', `echo $$; exec ${command} --eval '${SCRIPT}'`], {
    encoding: 'utf8',
  });
  const [shell, answer = ''] = started.split('\n');
  expect(JSON.parse(answer)).toEqual([Number(shell), flagsIn('cli/main.ts')]);
});
