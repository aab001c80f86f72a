import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { graphql } from 'graphql';
import { openFederation } from '../../support/federation.ts';
import { createTestExecutor } from '../../support/test-executor.ts';
import { documentOf } from '../../support/differential-document.ts';
import { generatedModel, referenceOf, subgraphsOf } from '../../support/differential-model.ts';

/** `DIFFERENTIAL_SUPERGRAPHS=100` makes thousands of cases of it. */
const SUPERGRAPHS = Number(process.env['DIFFERENTIAL_SUPERGRAPHS'] ?? 4);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const DOCUMENTS = 40;

const plain = createTestExecutor({ completion: 'plain' });
const compiled = createTestExecutor({ completion: 'compiled' });

describe('generated supergraphs, documents and data', () => {
  it(
    'answer, by either completion, to the byte what one schema of all types answers',
    async () => {
      const supergraphs = fc.sample(generatedModel, { numRuns: SUPERGRAPHS, seed: SEED });
      for (const [round, shape] of supergraphs.entries()) {
        const federation = openFederation(subgraphsOf(shape));
        const reference = referenceOf(shape);
        const documents = fc.sample(documentOf(shape), { numRuns: DOCUMENTS, seed: SEED + round });
        for (const { text, variables } of documents) {
          const { data } = await graphql({ schema: reference, source: text, variableValues: variables });
          const expected = { text, data: JSON.stringify(data), errors: [] };
          for (const execute of [plain, compiled]) {
            const answer = await federation.ask(execute, text, { variables });
            expect({ text, data: answer.text, errors: answer.errors }).toEqual(expected);
          }
        }
      }
    },
    60_000 + SUPERGRAPHS * 20_000,
  );
});
