/** One thing that keeps a service from starting, and what to do about it. */
export interface ConfigurationProblem {
  /** A variable, a file or an address. */
  readonly subject: string;
  readonly problem: string;
  readonly remedy: string;
}

/** EX_CONFIG of sysexits.h: what a process exits with when its configuration keeps it from starting. */
export const EXIT_CONFIGURATION = 78;

/** Everything that keeps a service from starting, at once. */
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
