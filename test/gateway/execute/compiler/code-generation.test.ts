import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const EXECUTE = path.resolve(import.meta.dirname, '../../../dist/gateway/pipeline/execute');

/** Whether a process that is started so has code generated for a plan of one field. */
const GENERATES = `
  import { buildSchema } from 'graphql';
  import { createAnswerShape } from '${EXECUTE}/answer-shape.js';
  import { compilePlan } from '${EXECUTE}/compile-plan.js';
  import { generateProgram } from '${EXECUTE}/generate-program.js';
  const schema = buildSchema('type Query { a: Int }');
  const field = { kind: 'field', key: 'a', dataKey: 'a', name: 'a', refused: false, selections: [] };
  const shape = createAnswerShape(
    { apiSchema: schema, interfaceObjects: new Set() },
    { kind: 'query', rootType: 'Query', selections: [field] },
  );
  const fetch = { kind: 'Fetch', serviceName: 's', operation: '{a}', operationKind: 'query', variableUsages: [] };
  const step = compilePlan({ kind: 'QueryPlan', node: fetch });
  process.stdout.write(String(generateProgram(schema, shape, [[step]]) !== undefined));
`;

it.each([
  ['where it may be', [], 'true'],
  [
    'not where the process forbids it: the plain way serves',
    ['--disallow-code-generation-from-strings'],
    'false',
  ],
])('code is generated %s', (_, flags, expected) => {
  const given = [...flags, '--input-type=module', '--eval', GENERATES];
  expect(execFileSync(process.execPath, given, { encoding: 'utf8', env: {} })).toBe(expected);
});
