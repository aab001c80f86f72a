import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { step, Trial } from '../../../support/audit-client-trial.ts';

const RUNS = Number(process.env['SPOOL_RUNS'] ?? 60);

describe('the audit client whose service, disk and own life may end at any time', () => {
  test('brings everything it called durable to the log, and admits nothing as lost that is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), fc.integer(), async (steps, seed) => {
        const trial = await Trial.begin(seed);
        for (const next of steps) await trial.run(next);
        await trial.end();
      }),
      { numRuns: RUNS },
    );
  }, 600_000);
});
