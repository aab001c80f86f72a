import { expect, test } from '@jest/globals';
import { runAduana } from '../support/running-deployment.ts';

test.each([
  [['frob'], "unknown command 'frob'"],
  [['up', '--frob'], "unknown option '--frob'"],
  [['query', '--as', 'bff'], "missing required argument 'document'"],
  [['query', '--as', 'bff', '{ a }', '--variables', '['], '--variables must be a JSON object'],
  [['keys', 'rotate', '--mode', 'soon'], 'Allowed choices are now, scheduled, compromised'],
  [['audit', 'tail', '--from', 'x'], '--from must be the number of an event'],
])('a command that is called wrongly (%s) says how, and ends with exit 64', async (words, told) => {
  const { code, stderr } = await runAduana(words, {});
  expect({ code, stderr }).toEqual({ code: 64, stderr: expect.stringContaining(told) });
});

test('help and version are no mistake', async () => {
  for (const words of [['--help'], ['keys', 'rotate', '--help'], ['--version']])
    expect((await runAduana(words, {})).code).toBe(0);
});
