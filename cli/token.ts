import type { Command } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import type { TokenFlags } from './get-token.ts';
import { examples } from './help-examples.ts';

/** `aduana token`: an access token of a service for use with other tools, and what a token says. */
export function registerToken(program: Command, context: CommandContext): void {
  const token = program
    .command('token')
    .description(
      'get an access token for a service, with its client secret or (--bound) with its certificate',
    )
    .option('--as <service>', 'the service that gets the token, such as bff')
    .option('--audience <service>', 'the service that accepts the token', 'gateway')
    .option('--scope <scopes>', 'scopes, separated by spaces; default: all that the service may have')
    .option('--bound', 'authenticate with the certificate; the token then works only together with it')
    .option('--header', 'print an authorization header, for `curl -H @-`')
    .addHelpText(
      'after',
      examples(
        'token --as bff',
        `token --as bff --header | curl -H @- http://localhost:4000/graphql --json '{"query":"{ __typename }"}'`,
      ),
    )
    .action(async (flags: Partial<TokenFlags> & Pick<TokenFlags, 'audience'>) => {
      if (flags.as === undefined)
        throw new CommandFailure(EXIT_USAGE, 'Name the service that gets the token: --as bff');
      const { printToken } = await import('./get-token.ts');
      await printToken({ ...flags, as: flags.as }, context);
    });
  token
    .command('inspect')
    .description('explain a token from standard input: its claims, its binding, who accepts it, and why not')
    .addHelpText('after', examples('token --as bff | npx aduana token inspect'))
    .action(async () => {
      const { inspectToken } = await import('./inspect-token.ts');
      await inspectToken(context);
    });
}
