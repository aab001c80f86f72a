import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const COMPLETION = / \((plain|compiled)\)$/;
const STORE = / over (PGlite|PostgreSQL|Redis|the in-process bus)$/;

const MISSING = /^needs (.+)$/;

/** The least share of the execution suite's documents that generated code answers. */
const COMPILED_SHARE = 0.9;
/** With fewer documents than these it was not the whole suite that ran. */
const WHOLE_SUITE = 80;

/**
 * Closes a run with the stores and the completions that it ran over, as the suites' names tell, with how many documents
 * ran compiled, with what was skipped for want of what, with the files that failed, and with one line of figures.
 */
export default class SummaryReporter {
  #countsFile;
  #error;

  onRunStart() {
    this.#countsFile = join(mkdtempSync(join(tmpdir(), 'execution-counts-')), 'counts');
    process.env.EXECUTION_COUNTS = this.#countsFile; // the processes that run the tests inherit it
  }

  getLastError() {
    return this.#error;
  }

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
    const counts = takeCounts(this.#countsFile);
    if (counts.documents > counts.notAsPlanned) lines.push(describeCounts(counts));
    if (counts.documents >= WHOLE_SUITE && shareOf(counts) < COMPILED_SHARE)
      this.#error = new Error(`fewer than ${COMPILED_SHARE * 100} % of the documents ran compiled`);
    if (this.#error !== undefined) lines.push(`execution: ${this.#error.message}`);
    const parts = [...perMissingPart].sort(([, one], [, other]) => other - one);
    if (parts.length > 0) lines.push('skipped for want of');
    for (const [part, count] of parts) lines.push(`  ${part}: ${count} ${count === 1 ? 'suite' : 'suites'}`);
    for (const { testFilePath, numFailingTests, testExecError } of testResults)
      if (numFailingTests > 0 || testExecError)
        lines.push(`failed: ${relative(process.cwd(), testFilePath)}`);
    const failed = numFailedTests + numRuntimeErrorTestSuites + (this.#error === undefined ? 0 : 1);
    lines.push(`${numPassedTests} passed, ${failed} failed`);
    // Jest's own summary comes after all reporters.
    process.once('exit', () => process.stdout.write(`\n${lines.join('\n')}\n`));
  }
}

/** What the suites have counted, each in a line of its own. */
function takeCounts(file) {
  const sum = { documents: 0, notAsPlanned: 0, fellBack: 0 };
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // no suite has counted anything
  }
  rmSync(dirname(file), { recursive: true, force: true });
  for (const line of text.split('\n').filter(Boolean))
    for (const [name, value] of Object.entries(JSON.parse(line))) sum[name] += value;
  return sum;
}

/** Of those whose answers were as planned; the others are the interpreter's to finish. */
function shareOf({ documents, notAsPlanned, fellBack }) {
  return 1 - fellBack / (documents - notAsPlanned);
}

function describeCounts({ documents, notAsPlanned, fellBack }) {
  const asPlanned = documents - notAsPlanned;
  const share = (100 * shareOf({ documents, notAsPlanned, fellBack })).toFixed(1);
  return `execution: ${asPlanned - fellBack} of ${asPlanned} documents ran compiled (${share} %); ${notAsPlanned} more, for which something failed, were finished by the interpreter`;
}
