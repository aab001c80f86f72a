import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';

/** Collects what is wrong, so that all of it is reported at once. */
export interface Problems {
  add(subject: string, problem: string, remedy: string): void;
  /** Runs a step; undefined when it fails with problems, which are kept. */
  attempt<Result>(step: () => Promise<Result>): Promise<Result | undefined>;
  /** @throws ConfigurationError when there are any */
  assertNone(): void;
}

/** Reads a file of the policies folder that the entry at `location` names; undefined, and a problem, when it cannot. */
export type ReadAttachment = (name: string, location: string) => Promise<string | undefined>;

/** @param place turns a problem's subject into what is shown */
export function createProblems(place: (subject: string) => string): Problems {
  const found: ConfigurationProblem[] = [];
  return {
    add: (subject, problem, remedy) => void found.push({ subject, problem, remedy }),
    async attempt(step) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        found.push(...error.problems);
        return undefined;
      }
    },
    assertNone() {
      if (found.length > 0)
        throw new ConfigurationError(found.map((entry) => ({ ...entry, subject: place(entry.subject) })));
    },
  };
}
