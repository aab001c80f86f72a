import { relative } from 'node:path';

const COMPLETION = / \((plain|compiled)\)$/;
const STORE = / over (PGlite|PostgreSQL|Redis|the in-process bus)$/;

const MISSING = /^needs (.+)$/;

/**
 * Closes a run with the stores and the completions that it ran over, as the suites' names tell, with what was skipped
 * for want of what, with the files that failed, and with one line of figures.
 */
export default class SummaryReporter {
  onRunComplete(_contexts, { testResults, numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    const perStore = new Map();
    const perMissingPart = new Map();
    const cases = { plain: 0, compiled: 0 };
    for (const { ancestorTitles, status, title } of testResults.flatMap((file) => file.testResults)) {
      const [, store] = ancestorTitles.map((title) => STORE.exec(title)).find(Boolean) ?? [];
      if (store !== undefined && status === 'passed') perStore.set(store, (perStore.get(store) ?? 0) + 1);
      const [, part] = MISSING.exec(title) ?? [];
      if (part !== undefined && status === 'pending')
        perMissingPart.set(part, (perMissingPart.get(part) ?? 0) + 1);
      const [, completion] = COMPLETION.exec(ancestorTitles[0] ?? '') ?? [];
      if (completion !== undefined && status === 'passed') cases[completion] += 1;
    }
    const stores = [...perStore].map(([store, count]) => `${store} (${count} tests)`);
    const lines = [`Ran over ${stores.join(', ') || 'no store'}`];
    if (cases.plain > 0 || cases.compiled > 0)
      lines.push(
        `execution: ${cases.plain === cases.compiled ? `${cases.plain} cases x 2` : `${cases.plain} and ${cases.compiled} cases`} completions`,
      );
    const parts = [...perMissingPart].sort(([, one], [, other]) => other - one);
    if (parts.length > 0) lines.push('skipped for want of');
    for (const [part, count] of parts) lines.push(`  ${part}: ${count} ${count === 1 ? 'suite' : 'suites'}`);
    for (const { testFilePath, numFailingTests, testExecError } of testResults)
      if (numFailingTests > 0 || testExecError)
        lines.push(`failed: ${relative(process.cwd(), testFilePath)}`);
    lines.push(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed`);
    // Jest's own summary comes after all reporters.
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`));
  }
}
