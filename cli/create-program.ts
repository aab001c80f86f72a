import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { registerAudit } from './audit.ts';
import { registerCerts } from './certs.ts';
import { registerConsole } from './console.ts';
import { registerDoctor } from './doctor.ts';
import { registerExamples } from './examples.ts';
import { registerHandshake } from './handshake.ts';
import { registerInit } from './init.ts';
import { registerKeys } from './keys.ts';
import { registerMigrate } from './migrate.ts';
import { registerPolicy } from './policy.ts';
import { registerQuery } from './query.ts';
import { registerRotate } from './rotate.ts';
import { registerSecrets } from './secrets.ts';
import { registerServiceStates } from './service-states.ts';
import { registerServices } from './services.ts';
import { registerSubjects } from './subjects.ts';
import { registerSupergraph } from './supergraph.ts';
import { registerToken } from './token.ts';
import { registerUp } from './up.ts';

const COMMANDS = [
  registerUp,
  registerInit,
  registerQuery,
  registerToken,
  registerKeys,
  registerCerts,
  registerRotate,
  registerDoctor,
  registerSubjects,
  registerSupergraph,
  registerPolicy,
  registerAudit,
  registerHandshake,
  registerExamples,
  registerConsole,
  registerServices,
  registerMigrate,
  registerServiceStates,
  registerSecrets,
];

/** `aduana` with all of its commands. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('aduana')
    .description('A GraphQL API gateway that enforces zero trust')
    .version('0.1.0')
    .exitOverride() // commander has printed why, and its exit code is not ours
    .showHelpAfterError('(run with --help to see what is possible)');
  for (const register of COMMANDS) register(program, context);
  return program;
}
