import { appendFileSync } from 'node:fs';
import type { Execution } from '../../gateway/execute/shared/executor.ts';
import { compileProgram } from '../../gateway/execute/compiler/compile-program.ts';
import { executePlain } from '../../gateway/execute/interpreter/execute-plain.ts';
import type { RunExecutable } from '../../gateway/execute/shared/run-executable.ts';

/** What came of documents that generated code was to answer. */
export interface CompiledCounts {
  /** All that had something to fetch. */
  documents: number;
  /** Those that the interpreter finished as an answer was not as planned: there was code, and something failed. */
  notAsPlanned: number;
  /** Those that the interpreter answered for want of code, or though nothing failed. */
  fellBack: number;
}

/** The file that the runs of all test files add a line to; the reporter reads it. */
export const COUNTS_FILE = 'EXECUTION_COUNTS';

export function noCounts(): CompiledCounts {
  return { documents: 0, notAsPlanned: 0, fellBack: 0 };
}

/** The share of documents that ran compiled, of those whose answers were as planned. */
export function compiledShare({ documents, notAsPlanned, fellBack }: CompiledCounts): number {
  return documents === notAsPlanned ? 1 : 1 - fellBack / (documents - notAsPlanned);
}

/** The interpreter, which tells what it was asked for. */
export function countingInterpreter(counts: CompiledCounts): RunExecutable {
  return async (log, executable, execution, send) => {
    const finished = await executePlain(log, executable, execution, send);
    if (!isFederated(execution)) return finished;
    const failed = finished.errors.length > 0;
    if (failed && compileProgram(executable) !== undefined) counts.notAsPlanned += 1;
    else counts.fellBack += 1;
    return finished;
  };
}

export function isFederated({ plan, authorized }: Execution): boolean {
  return plan?.node !== undefined && !authorized.everythingRefused;
}

/** Adds what one suite has counted to the figures of the run. */
export function reportCounts(counts: CompiledCounts): void {
  const file = process.env[COUNTS_FILE];
  if (file !== undefined && counts.documents > 0) appendFileSync(file, `${JSON.stringify(counts)}\n`);
}
