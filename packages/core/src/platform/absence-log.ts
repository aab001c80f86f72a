import { describeError, type Log } from './log.ts';

/** Tells the log once that something is away, and once that it is back, however often it is tried meanwhile. */
export interface AbsenceLog {
  /** @param expected nobody need hear of it yet: services start in any order */
  failed(error: unknown, expected: boolean): void;
  succeeded(): void;
}

/** @param what such as `the status feed` */
export function createAbsenceLog(log: Log, what: string): AbsenceLog {
  let told = false;
  return {
    failed(error, expected) {
      const quiet = told || expected;
      log[quiet ? 'debug' : 'warn'](`${what} could not be read`, { error: describeError(error) });
      told ||= !expected;
    },
    succeeded() {
      if (told) log.info(`${what} is read again`);
      told = false;
    },
  };
}
