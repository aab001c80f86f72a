import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const FLAG = /--max-semi-space-size=\d+/;
const SCRIPT = 'process.stdout.write(JSON.stringify([process.pid, process.execArgv[0]]))';

const flagIn = (file: string): string | undefined => FLAG.exec(readFileSync(file, 'utf8'))?.[0];

test('every way to start a gateway gives the young generation the same room', () => {
  const flag = flagIn('cli/main.ts');
  expect(flag).toBeDefined();
  expect(flagIn('Dockerfile')).toBe(flag);
  expect(flagIn('bench/start-process.js')).toBe(flag);
  const { bin, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    bin: { aduana: string };
    scripts: { start: string };
  };
  expect(bin.aduana).toBe('dist/cli/main.js');
  expect(scripts.start).toMatch(/ && exec \.\/dist\/cli\/main\.js up$/);
});

test('the first line of the command becomes one Node process with that flag', () => {
  const [, command = ''] =
    /^#!(\/usr\/bin\/env -S node .*)\n/.exec(readFileSync('cli/main.ts', 'utf8')) ?? [];
  const started = execFileSync('sh', ['-c', `echo $$; exec ${command} --eval '${SCRIPT}'`], {
    encoding: 'utf8',
  });
  const [shell, answer = ''] = started.split('\n');
  expect(JSON.parse(answer)).toEqual([Number(shell), flagIn('cli/main.ts')]);
});
