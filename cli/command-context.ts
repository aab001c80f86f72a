import type { Environment } from '@aduana/server-kit/config/load-config';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';

/** What a command gets from the process: tests hand in their own. */
export interface CommandContext {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
  /** One line to standard output. */
  print(line: string): void;
  /** One line to standard error. */
  printError(line: string): void;
}

/** EX_USAGE of sysexits.h: the command was called in a way that it does not know. */
export const EXIT_USAGE = 64;

/** Ends the command with this exit code after telling why. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
