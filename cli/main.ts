#!/usr/bin/env -S node --max-semi-space-size=32 --no-allocation-site-pretenuring
// Room for the young generation (MiB): what one request leaves behind then dies young, where Node's own 16 MiB would
// promote much of it under load and collect it at a high price. A larger one costs memory for each process.
// Without the second flag V8 allocates answers in the old generation once some have survived. Garbage there keeps alive
// whatever it refers to until the next full collection: nearly every answer of a busy gateway was promoted, and a large one
// cost nearly twice the CPU time. The image's ENTRYPOINT has the same flags; `npm start` runs this file.
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog, type LogLevel } from '@aduana/server-kit/platform/create-log';
import { ConfigurationError, EXIT_CONFIGURATION } from '@aduana/core/errors/configuration-error';
import { CommanderError } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { createPrinter } from './create-printer.ts';
import { createProgram } from './create-program.ts';

// Apollo's gateway reads this when it is loaded, and would connect to an outside host; commands load it lazily.
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';

// What is set in the environment wins over the folder's `.env`.
try {
  process.loadEnvFile('.env');
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

const LINGER_MS = 3_000;
const LOG_LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'];
const level = process.env['LOG_LEVEL'] ?? 'info';

const context: CommandContext = {
  environment: process.env,
  clock: createSystemClock(),
  log: createLog((LOG_LEVELS.includes(level) ? level : 'info') as LogLevel, (line) =>
    process.stderr.write(line),
  ),
  print: createPrinter(process.stdout),
  // what explains is for people, wherever it goes
  printError: createPrinter({ isTTY: true, write: process.stderr.write.bind(process.stderr) }),
};

// Whoever reads the output may have read enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await createProgram(context).parseAsync();
} catch (error) {
  process.exitCode = explain(error);
  // What a failed start could not give back must not keep the process.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof CommandFailure) {
    if (error.message !== '') context.printError(error.message);
    return error.exitCode;
  }
  if (error instanceof ConfigurationError) {
    context.printError(`aduana cannot start: ${String(error.problems.length)} problem(s)`);
    for (const { subject, problem, remedy } of error.problems)
      context.printError(`  ${subject}: ${problem}\n    -> ${remedy}`);
    return EXIT_CONFIGURATION;
  }
  const { message, code, detail } = error as { message?: unknown; code?: unknown; detail?: unknown };
  context.printError(`aduana failed: ${String(message)}${typeof code === 'string' ? ` (${code})` : ''}`);
  if (typeof detail === 'string') context.printError(`  ${detail}`);
  context.log.debug('the failure in full', { error });
  return 1;
}
