import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { examples } from './help-examples.ts';

/** `aduana init`: the files of a new installation, in the folder that it runs in. */
export function registerInit(program: Command, context: CommandContext): void {
  program
    .command('init')
    .description('write the files of a new installation into this folder; it never overwrites a file')
    .option(
      '--from <source...>',
      'subgraphs as name=URL, or a composed supergraph (.graphql); with a supergraph also the router.yaml of an Apollo Router, or the values of a Hive Gateway as YAML',
    )
    .option('--dry-run', 'print what would be written, and write nothing')
    .option('--yes', 'for scripts: never ask (this version asks nothing)')
    .addHelpText(
      'after',
      examples(
        'init',
        'init --from products=http://localhost:4001/graphql --from reviews=http://localhost:4002/graphql',
        'init --from supergraph.graphql',
        'init --from router.yaml --from supergraph.graphql',
      ),
    )
    .action(async ({ from = [], dryRun = false }: { from?: string[]; dryRun?: boolean }) =>
      (await import('./init/create-installation.ts')).createInstallation(
        { folder: '.', from, isDryRun: dryRun },
        context,
      ),
    );
}
