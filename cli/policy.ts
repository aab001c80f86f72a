import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { FolderOptions } from './policies-folder.ts';
import type { DiffOptions } from './policy-checks.ts';
import type { ExplainOptions } from './policy-explain.ts';

/** `aduana policy lint|test|explain|diff`: what the policy files say, before a service hears of it. */
export function registerPolicy(program: Command, context: CommandContext): void {
  const policy = program
    .command('policy')
    .description('what the policy files say, and whether they are good');
  policy
    .command('lint')
    .description('check the policy files: errors, and what is probably not meant')
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .action(async (options: FolderOptions) =>
      (await import('./policy-checks.ts')).lintPolicies(options, context),
    );
  policy
    .command('test')
    .description('run the *.test.yaml files beside the policies')
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .action(async (options: FolderOptions) =>
      (await import('./policy-checks.ts')).testPolicies(options, context),
    );
  policy
    .command('diff')
    .description('tell which decisions another policies folder would change')
    .argument('<folder>', 'the folder with the other policies')
    .option('--policies <folder>', 'the folder to start from (default POLICIES_DIR)')
    .option('--corpus <file>', 'questions as JSON Lines: {subject, roles?, action | policy, context?}')
    .option('--exit-code', 'exit 1 when a decision changes')
    .action(async (other: string, options: DiffOptions) =>
      (await import('./policy-checks.ts')).diffPolicies(other, options, context),
    );
  registerExplain(policy, context);
}

function registerExplain(policy: Command, context: CommandContext): void {
  policy
    .command('explain')
    .description('tell what would be decided for a caller, by which rule, and what would change it')
    .requiredOption('--as <subject>', 'a service id, or the name of somebody who holds the --role')
    .option('--role <role...>', 'roles in place of those of the service')
    .option('--action <permission>', 'one permission (default: all of the catalogue)')
    .option('--document <document>', 'a GraphQL document: each of its fields, by SUPERGRAPH_SDL')
    .option('--time <time>', 'RFC 3339 (default: now)')
    .option('--address <address>', 'the IP address of the caller')
    .option('--authentication <method>', 'how the caller authenticates, such as tls_client_auth')
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .option('--json', 'print JSON')
    .action(async (options: ExplainOptions) =>
      (await import('./policy-explain.ts')).explainPolicy(options, context),
    );
}
