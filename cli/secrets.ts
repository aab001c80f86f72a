import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { examples } from './help-examples.ts';

/** The options of `aduana secrets collect`. */
export interface CollectFlags {
  readonly as: string;
  readonly out?: string;
  readonly print?: true;
}

/** `aduana secrets collect`: a service fetches its own client secret, by its certificate. */
export function registerSecrets(program: Command, context: CommandContext): void {
  program
    .command('secrets')
    .description('collect client secrets that were rotated')
    .command('collect')
    .description(
      "get a service's current secret from the STS with its certificate, and store it in the secret provider",
    )
    .requiredOption('--as <service>', 'the service whose secret it is; its certificate is shown')
    .option('--out <file>', 'write the secret to this file (0600) instead')
    .option('--print', 'print the secret to standard output instead')
    .addHelpText('after', examples('secrets collect --as bff'))
    .action(async (flags: CollectFlags) =>
      (await import('./collect-secret.ts')).collectSecret(flags, context),
    );
}
