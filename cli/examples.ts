import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { examples } from './help-examples.ts';

/** The examples that only call the deployment: each needs a running one. */
export function registerExamples(program: Command, context: CommandContext): void {
  program
    .command('bff')
    .description('run the example BFF: a page and its API on loopback, which calls the gateway')
    .addHelpText('after', examples('bff'))
    .action(async () => {
      await (await import('./run-example.ts')).runBff(context);
    });
  program
    .command('actuator')
    .description('run the example worker, which looks for new leads and moves them to their next status')
    .addHelpText('after', examples('actuator'))
    .action(async () => {
      await (await import('./run-example.ts')).runActuator(context);
    });
  program
    .command('secure-integration')
    .description(
      'run the tour of a running deployment: token, call, refusal, stolen token, key rotation, audit proof',
    )
    .addHelpText('after', examples('secure-integration'))
    .action(async () => {
      await (await import('./run-example.ts')).runSecureIntegrationExample(context);
    });
}
