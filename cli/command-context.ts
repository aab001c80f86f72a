import type { Environment } from '@aduana/core/config/load-config';
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

/** Ends the command with this exit code after telling why; EX_USAGE and the like are the command's own. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
