import { createLog } from '@aduana/server-kit/platform/create-log';
import type { CommandContext } from '../../cli/command-context.ts';
import { createFakeClock } from './fake-clock.ts';

/** The context of a command that is run in the test's process: it prints into this list. */
export function printingContext(printed: string[]): CommandContext {
  const print = (line: string): void => void printed.push(line);
  return {
    environment: {},
    clock: createFakeClock(),
    log: createLog('silent', () => undefined),
    print,
    printError: print,
  };
}
