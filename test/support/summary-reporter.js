const COMPLETION = / \((plain|compiled)\)$/;
const STORE = / over (PGlite|PostgreSQL|Redis|the in-process bus)$/;

/** Closes a run with the stores and the completions that it ran over, as the suites' names tell, and with one line of figures. */
export default class SummaryReporter {
  onRunComplete(_contexts, { testResults, numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    const perStore = new Map();
    const cases = { plain: 0, compiled: 0 };
    for (const { ancestorTitles, status } of testResults.flatMap((file) => file.testResults)) {
      const [, store] = ancestorTitles.map((title) => STORE.exec(title)).find(Boolean) ?? [];
      if (store !== undefined && status === 'passed') perStore.set(store, (perStore.get(store) ?? 0) + 1);
      const [, completion] = COMPLETION.exec(ancestorTitles[0] ?? '') ?? [];
      if (completion !== undefined && status === 'passed') cases[completion] += 1;
    }
    const stores = [...perStore].map(([store, count]) => `${store} (${count} tests)`);
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    process.stderr.write(`\nRan over ${stores.join(', ') || 'no store'}\n`);
    if (cases.plain > 0 || cases.compiled > 0)
      process.stdout.write(
        `execution: ${cases.plain === cases.compiled ? `${cases.plain} cases x 2` : `${cases.plain} and ${cases.compiled} cases`} completions\n`,
      );
    process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
  }
}
