import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** The examples that only call the house: each needs a running one. */
export function registerExamples(program: Command, context: CommandContext): void {
  program
    .command('bff')
    .description('run the example BFF: a page and its API on loopback, mTLS and tokens behind')
    .action(async () => {
      await (await import('./run-example.ts')).runBff(context);
    });
  program
    .command('actuator')
    .description('run the example worker: polls the gateway for new leads and moves them on')
    .action(async () => {
      await (await import('./run-example.ts')).runActuator(context);
    });
  program
    .command('secure-integration')
    .description('walk through a running house: token, call, refusal, stolen token, rotation, audit proof')
    .action(async () => {
      await (await import('./run-example.ts')).runWalk(context);
    });
}
