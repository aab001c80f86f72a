const STORE = / over (PGlite|PostgreSQL|Redis|the in-process bus)$/;

/** Closes a run with the stores that it ran over, as the suites' names tell, and with one line of figures. */
export default class SummaryReporter {
  onRunComplete(_contexts, { testResults, numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    const perStore = new Map();
    for (const { ancestorTitles, status } of testResults.flatMap((file) => file.testResults)) {
      const [, store] = ancestorTitles.map((title) => STORE.exec(title)).find(Boolean) ?? [];
      if (store !== undefined && status === 'passed') perStore.set(store, (perStore.get(store) ?? 0) + 1);
    }
    const stores = [...perStore].map(([store, count]) => `${store} (${count} tests)`);
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    process.stderr.write(`\nRan over ${stores.join(', ') || 'no store'}\n`);
    process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
  }
}
