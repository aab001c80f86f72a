/** One thing that keeps a service from starting, and what to do about it. */
export interface ConfigurationProblem {
  /** Where it is: a variable, a file with its line (`file:line`), an option or an address. */
  readonly subject: string;
  /** What is wrong there, as a sentence without its subject: `is not an https URL`. */
  readonly problem: string;
  /** What to do about it, as an instruction without a full stop. */
  readonly remedy: string;
}

/** EX_CONFIG of sysexits.h: what a process exits with when its configuration keeps it from starting. */
export const EXIT_CONFIGURATION = 78;

/**
 * Everything that keeps a service from starting, at once. Its message has one line for each problem.
 *
 * @example
 * try {
 *   await openSubgraph(options);
 * } catch (error) {
 *   if (!(error instanceof ConfigurationError)) throw error;
 *   for (const { subject, problem, remedy } of error.problems) console.error(`${subject} ${problem}. ${remedy}`);
 *   process.exitCode = 78;
 * }
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[], options?: ErrorOptions) {
    super(
      problems.map(({ subject, problem, remedy }) => `${subject}: ${problem}. ${remedy}`).join('\n'),
      options,
    );
    this.problems = problems;
  }
}
