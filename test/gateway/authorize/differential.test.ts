import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { validate, parse } from 'graphql';
import { askOracle } from '../../support/authorization-oracle.ts';
import { type OracleCaller } from '../../support/oracle-world.ts';
import { generateFederation } from '../../support/generated-federation.ts';
import { type Draw } from '../../support/drawn-values.ts';
import { generateOperation } from '../../support/generated-operation.ts';
import {
  type GuardedFederation,
  openGuardedFederation,
  operationOf,
} from '../../support/guarded-federation.ts';

const OPERATIONS = 24;
const counted = { federations: 0, answers: 0, refused: 0, joins: 0 };

test.each([
  ['aduana', 12],
  ['apollo', 3],
] as const)(
  'over the executor %s, gateway and guarded subgraphs answer as the oracle does, whatever the schema, the operation and the caches hold',
  async (executor, numRuns) => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const draw: Draw = (below) => gen(fc.nat, { max: below - 1 });
        const { subgraphs, guards, resolve, types } = generateFederation(draw, executor === 'aduana');
        const federation = composedOrSkipped(() => openGuardedFederation(subgraphs));
        const { apiSchema } = federation.supergraph;
        const gateway = federation.openGateway('filter', executor);
        counted.federations += 1;
        for (let index = 0; index < OPERATIONS; index += 1) {
          const document = generateOperation(types, draw);
          const variables = draw(2) === 0 ? { v1: draw(2) === 0 } : { v0: draw(2) === 0, v1: draw(2) === 0 };
          if (validate(apiSchema, parse(document)).length > 0) continue;
          const { operation, fragments } = operationOf(document);
          for (const caller of [1, 2, 3, 4, 5, 6, 7, 8].map(() => drawCaller(draw))) {
            const { data, errors, calls } = await gateway({ document, variables, caller });
            const oracle = askOracle(
              { schema: apiSchema, guards, resolve },
              operation,
              fragments,
              variables,
              caller,
            );
            const given = errors
              .map(({ path, extensions }) => `${String(extensions?.code)} ${path?.join('.') ?? ''}`)
              .sort();
            const told = [...oracle.refused].map((path) => `UNAUTHORIZED_FIELD_OR_TYPE ${path}`).sort();
            expect({ document, variables, caller, data, errors: given }).toEqual({
              document,
              variables,
              caller,
              data: oracle.data,
              errors: told,
            });
            counted.answers += 1;
            counted.refused += told.length > 0 ? 1 : 0;
            counted.joins += calls.some(({ narrowing }) => narrowing.join.length > 0) ? 1 : 0;
          }
        }
      }),
      { numRuns, endOnFailure: true },
    );
  },
  240_000,
);

afterAll(() => {
  const { federations, answers, refused, joins } = counted;
  process.stdout.write(
    `authorization oracle: ${String(answers)} answers over ${String(federations)} generated federations agree, ${String(refused)} with refusals, ${String(joins)} with join claims\n`,
  );
});

function composedOrSkipped(open: () => GuardedFederation): GuardedFederation {
  try {
    return open();
  } catch (error) {
    fc.pre(!(error instanceof TypeError));
    throw error;
  }
}

function drawCaller(draw: Draw): OracleCaller {
  return {
    authenticated: true,
    scopes: ['a', 'b', 'c'].filter(() => draw(2) === 0),
    policies: ['p', 'q'].filter(() => draw(2) === 0),
  };
}
