import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { documentFuzzers } from './document-fuzzers.ts';
import { fileFuzzers } from './file-fuzzers.ts';
import { openHeadFuzzer, requestFuzzers } from './request-fuzzers.ts';
import { tokenFuzzers } from './token-fuzzers.ts';

const heads = await openHeadFuzzer();
afterAll(() => heads.close());
const FUZZERS = [heads, ...requestFuzzers, ...documentFuzzers, ...tokenFuzzers, ...fileFuzzers];
const WHOLE_MS = Number(process.env['FUZZ_MINUTES'] ?? 0.4) * 60_000;
const SHARE_MS = WHOLE_MS / FUZZERS.length;
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const SLOWEST_MS = 30_000;

test.each(FUZZERS.map((fuzzer) => [fuzzer.name, fuzzer] as const))(
  'nothing that anybody sends is a fault of ours: %s',
  async (name, { property }) => {
    const { failed, numRuns, counterexample, counterexamplePath, errorInstance } = await fc.check(property, {
      seed: SEED,
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: SHARE_MS,
      timeout: SLOWEST_MS,
    });
    process.stdout.write(`fuzz: ${name}: ${String(numRuns)} runs, FUZZ_SEED=${String(SEED)}\n`);
    const found = failed && counterexample !== null;
    const report = found ? `${JSON.stringify(counterexample)} path ${counterexamplePath} ${(errorInstance as Error).stack ?? ''}` : ''; // prettier-ignore
    expect(report).toBe('');
    expect(numRuns).toBeGreaterThan(0);
  },
  SHARE_MS + 10 * SLOWEST_MS,
);
