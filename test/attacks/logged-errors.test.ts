// The attacker has a subgraph, and sends as many errors as an answer has room for, so that the log of the gateway takes its
// time and its disk.
import { expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

const { ask } = openFederation({ a: { sdl: 'type Query { name: String }', resolvers: {} } });
const ERRORS = 100_000;
const MOST_LOGGED = 4_000;

const LISTS = [
  ['many', Array.from({ length: ERRORS }, () => ({ message: 'no', extensions: { code: 'x' } }))],
  ['long', [{ message: 'x'.repeat(1_000_000), extensions: { code: 'y'.repeat(1_000_000) } }]],
  ['deep', [JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as unknown]],
  ['with members of their own', [{ message: 'no', extensions: { more: manyMembers() } }]],
] as const;

function manyMembers(): Readonly<Record<string, number>> {
  return Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`member${String(at)}`, at]));
}

const cases = LISTS.flatMap(([what, errors]) =>
  (['plain', 'compiled', 'apollo'] as const).map((engine) => [what, engine, errors] as const),
);

test.each(cases)('errors that are %s take a short line of the log (%s)', async (_, engine, errors) => {
  const logged: string[] = [];
  const log = createLog('info', (line) => logged.push(line));
  const execute = createTestExecutor(
    engine === 'apollo' ? { kind: 'apollo', log } : { completion: engine, log },
  );
  await ask(execute, '{ name }', { answer: () => ({ data: { name: null }, errors: [...errors] }) });
  expect(logged.join('')).toContain('failed');
  expect(logged.join('').length).toBeLessThan(MOST_LOGGED);
});
