import { appendFileSync } from 'node:fs';
import type { Execute, Execution } from '../../gateway/execute/shared/execution.ts';
import { compileProgram } from '../../gateway/execute/compiler/compile-program.ts';
import { executeInterpreted } from '../../gateway/execute/interpreter/execute-interpreted.ts';
import type { ExecutionEngine } from '../../gateway/execute/shared/execution-engine.ts';

/** How many documents there were, each counted once however often it was asked. */
export interface CompiledFigures {
  readonly documents: number;
  /** Those that the interpreter alone finished, as something failed each time: there was code, and an answer was not as planned. */
  readonly notAsPlanned: number;
  /** Those that the interpreter answered for want of code, or though nothing failed. */
  readonly fellBack: number;
}

/** What comes of documents that generated code is to answer. */
export interface CompiledCounts {
  /** Stands in for the interpreter, and notes what it is asked for. */
  readonly interpret: ExecutionEngine;
  /** Notes what the interpreter was not asked for. */
  count(execute: Execute): Execute;
  figures(): CompiledFigures;
}

/** The worse, the higher. */
const OUTCOMES = ['notAsPlanned', 'compiled', 'fellBack'] as const;
type Outcome = (typeof OUTCOMES)[number];

export function createCompiledCounts(): CompiledCounts {
  const outcomes = new Map<string, Outcome>();
  const interpreted = new WeakSet<Execution>();
  const note = (execution: Execution, outcome: Outcome): void => {
    const { plan, authorized, supergraph } = execution;
    if (plan?.node === undefined || authorized.everythingRefused) return; // nothing is fetched for it
    const key = `${supergraph.hash} ${authorized.documentHash} ${JSON.stringify(plan)}`;
    const known = outcomes.get(key);
    if (known === undefined || OUTCOMES.indexOf(outcome) > OUTCOMES.indexOf(known))
      outcomes.set(key, outcome);
  };
  const countOf = (outcome: Outcome) => [...outcomes.values()].filter((one) => one === outcome).length;
  return {
    async interpret(log, prepared, execution, send) {
      interpreted.add(execution);
      const finished = await executeInterpreted(log, prepared, execution, send);
      const isExplained = finished.errors.length > 0 && compileProgram(prepared) !== undefined;
      note(execution, isExplained ? 'notAsPlanned' : 'fellBack');
      return finished;
    },
    count: (execute) => async (execution) => {
      const answer = await execute(execution);
      if (!interpreted.has(execution)) note(execution, 'compiled');
      return answer;
    },
    figures: () => ({
      documents: outcomes.size,
      notAsPlanned: countOf('notAsPlanned'),
      fellBack: countOf('fellBack'),
    }),
  };
}

/** The share of documents that ran compiled, of those whose answers were as planned. */
export function compiledShare({ documents, notAsPlanned, fellBack }: CompiledFigures): number {
  return documents === notAsPlanned ? 1 : 1 - fellBack / (documents - notAsPlanned);
}

/** Adds what one suite has counted to the figures of the run, in the file that the reporter reads. */
export function reportCounts(counts: CompiledCounts): void {
  const file = process.env['EXECUTION_COUNTS'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(counts.figures())}\n`);
}
