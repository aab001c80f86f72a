import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const EXECUTE = path.resolve(import.meta.dirname, '../../../../dist/gateway/execute');

/** How a process that is started so answers a plan of one field. */
const ANSWERS = `
  import { buildSchema } from 'graphql';
  import { createResponseShape } from '${EXECUTE}/shared/response-shape.js';
  import { createPlanSteps } from '${EXECUTE}/shared/plan-steps.js';
  import { createExecuteCompiled } from '${EXECUTE}/compiler/execute-compiled.js';
  const schema = buildSchema('type Query { a: Int }');
  const field = { kind: 'field', key: 'a', dataKey: 'a', name: 'a', refused: false, selections: [] };
  const shape = createResponseShape(
    { apiSchema: schema, interfaceObjects: new Set() },
    { kind: 'query', rootType: 'Query', selections: [field] },
  );
  const fetch = { kind: 'Fetch', serviceName: 's', operation: '{a}', operationKind: 'query', variableUsages: [] };
  const step = createPlanSteps({ kind: 'QueryPlan', node: fetch });
  const interpret = async (log, prepared, execution, send) => ({ data: 'interpreted ' + JSON.stringify((await send(step, '{}')).data) });
  const execute = createExecuteCompiled({ interpret, compileAt: 1 });
  const execution = { authorized: { variables: {} }, signal: new AbortController().signal };
  const { data } = await execute({ error: console.error }, { plan: {}, step, shape, schema, refusals: [] }, execution, async () => ({ data: { a: 1 }, errors: [] }));
  process.stdout.write(data);
`;

it.each([
  ['where it may be', [], '{"a":1}'],
  [
    'not where the process forbids it: the interpreter answers',
    ['--disallow-code-generation-from-strings'],
    'interpreted {"a":1}',
  ],
])('code is generated %s', (_, flags, expected) => {
  const given = [...flags, '--input-type=module', '--eval', ANSWERS];
  expect(execFileSync(process.execPath, given, { encoding: 'utf8', env: {} })).toBe(expected);
});
