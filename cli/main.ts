#!/usr/bin/env node
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog, type LogLevel } from '@aduana/core/platform/log';
import { ConfigurationError, EXIT_CONFIGURATION } from '@aduana/core/errors/configuration-error';
import { Command, CommanderError } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { registerAudit } from './audit.ts';
import { registerCerts } from './certs.ts';
import { registerDoctor } from './doctor.ts';
import { registerExamples } from './examples.ts';
import { registerHandshake } from './handshake.ts';
import { registerKeys } from './keys.ts';
import { registerPolicy } from './policy.ts';
import { registerQuery } from './query.ts';
import { registerRotate } from './rotate.ts';
import { registerServices } from './services.ts';
import { registerSupergraph } from './supergraph.ts';
import { registerToken } from './token.ts';
import { registerUp } from './up.ts';

// Apollo's gateway reads this when it is loaded, and would connect to an outside host; commands load it lazily.
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';

const LINGER_MS = 3_000;
const LOG_LEVELS: readonly string[] = ['debug', 'info', 'warn', 'error', 'silent'];
const level = process.env['LOG_LEVEL'] ?? 'info';

const context: CommandContext = {
  environment: process.env,
  clock: createSystemClock(),
  log: createLog((LOG_LEVELS.includes(level) ? level : 'info') as LogLevel, (line) =>
    process.stderr.write(line),
  ),
  print: (line) => process.stdout.write(`${line}\n`),
  printError: (line) => process.stderr.write(`${line}\n`),
};

// Whoever reads the output may have read enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const program = new Command('aduana')
  .description('A GraphQL API gateway that enforces zero trust')
  .version('0.1.0')
  .exitOverride() // commander has told why, and its exit code is not ours
  .showHelpAfterError('(run with --help to see what is possible)');
const COMMANDS = [
  registerUp,
  registerQuery,
  registerToken,
  registerKeys,
  registerCerts,
  registerRotate,
  registerDoctor,
  registerSupergraph,
  registerPolicy,
  registerAudit,
  registerHandshake,
  registerExamples,
  registerServices,
];
for (const register of COMMANDS) register(program, context);

try {
  await program.parseAsync();
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
