import { describeError, type Log } from './log.ts';

/** Logs once that something is away, and once that it is back, however often it is tried meanwhile. */
export interface AbsenceLog {
  /** @param expected nobody need hear of it yet: services start in any order */
  failed(error: unknown, expected: boolean): void;
  succeeded(): void;
}

/** @param what such as `the status feed` */
export function createAbsenceLog(log: Log, what: string): AbsenceLog {
  let isLogged = false;
  return {
    failed(error, expected) {
      const quiet = isLogged || expected;
      log[quiet ? 'debug' : 'warn'](`${what} could not be read`, { error: describeError(error) });
      isLogged ||= !expected;
    },
    succeeded() {
      if (isLogged) log.info(`${what} is read again`);
      isLogged = false;
    },
  };
}
