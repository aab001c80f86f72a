import type { Command } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import type { TokenFlags } from './get-token.ts';

/** `aduana token`: an access token of a service for use with other tools, and what a token says. */
export function registerToken(program: Command, context: CommandContext): void {
  const token = program
    .command('token')
    .description('get an access token as a service, by its client secret, or bound to its certificate')
    .option('--as <service>', 'whose token, such as bff')
    .option('--audience <service>', 'who is to accept it', 'gateway')
    .option('--scope <scopes>', 'scopes between spaces; default: all that the service may have')
    .option('--bound', 'authenticate by the certificate: the token then works only beside it')
    .option('--header', 'print it as a header, for `curl -H @-`')
    .addHelpText('after', `\nExample:\n  npx aduana token --as bff --header | curl -H @- ...`)
    .action(async (flags: Partial<TokenFlags> & Pick<TokenFlags, 'audience'>) => {
      if (flags.as === undefined)
        throw new CommandFailure(EXIT_USAGE, 'Whose token? Name a service: --as bff');
      const { printToken } = await import('./get-token.ts');
      await printToken({ ...flags, as: flags.as }, context);
    });
  token
    .command('inspect')
    .description('explain a token from standard input: claims, binding, who would accept it, and why not')
    .addHelpText('after', `\nExample:\n  npx aduana token --as bff | npx aduana token inspect`)
    .action(async () => {
      const { inspectToken } = await import('./inspect-token.ts');
      await inspectToken(context);
    });
}
