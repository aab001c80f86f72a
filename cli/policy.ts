import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { FolderOptions } from './policies-folder.ts';
import type { DiffOptions } from './policy-checks.ts';
import type { ExplainOptions } from './policy-explain.ts';
import { examples } from './help-examples.ts';

/** `aduana policy lint|test|explain|diff`: what the policy files say, before a service hears of it. */
export function registerPolicy(program: Command, context: CommandContext): void {
  const policy = program.command('policy').description('check, test, compare and explain the policies');
  policy
    .command('lint')
    .description('report errors in the policy files, and what is probably a mistake')
    .addHelpText('after', examples('policy lint'))
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .action(async (options: FolderOptions) =>
      (await import('./policy-checks.ts')).lintPolicies(options, context),
    );
  policy
    .command('test')
    .description('run the policy tests: the *.test.yaml files beside the policies')
    .addHelpText('after', examples('policy test'))
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .action(async (options: FolderOptions) =>
      (await import('./policy-checks.ts')).testPolicies(options, context),
    );
  policy
    .command('diff')
    .description('show which decisions would be different with another policies folder')
    .addHelpText('after', examples('policy diff ../new-policies --exit-code'))
    .argument('<folder>', 'the folder with the other policies')
    .option('--policies <folder>', 'the folder to compare with (default POLICIES_DIR)')
    .option(
      '--corpus <file>',
      'questions as JSON Lines: {subject, issuer?, roles?, action | policy, context?}',
    )
    .option('--exit-code', 'exit 1 if a decision changes')
    .action(async (other: string, options: DiffOptions) =>
      (await import('./policy-checks.ts')).diffPolicies(other, options, context),
    );
  registerExplain(policy, context);
}

function registerExplain(policy: Command, context: CommandContext): void {
  policy
    .command('explain')
    .description('show the decision for a caller, the rule that decides, and what would change it')
    .addHelpText(
      'after',
      examples(
        'policy explain --as bff --action leads:pii:read',
        `policy explain --as bff --document '{ leads { company contact { email } } }'`,
      ),
    )
    .requiredOption('--as <subject>', 'a service id, or any name together with --role')
    .option('--issuer <issuer>', 'the trusted issuer, if the subject is one of its users')
    .option('--role <role...>', 'use these roles instead of those of the service')
    .option('--action <permission>', 'one permission; default: all permissions of the catalogue')
    .option('--document <document>', 'a GraphQL document: explain each of its fields, with SUPERGRAPH_SDL')
    .option('--time <time>', 'the time of the request, as in RFC 3339 (default: now)')
    .option('--address <address>', 'the IP address of the caller')
    .option('--authentication <method>', 'how the caller authenticates, such as tls_client_auth')
    .option('--acr <class>', 'the authentication context class that the user logged in with')
    .option('--auth-time <time>', 'when the user logged in, RFC 3339')
    .option('--policies <folder>', 'the folder (default POLICIES_DIR)')
    .option('--json', 'print JSON')
    .action(async (options: ExplainOptions) =>
      (await import('./policy-explain.ts')).explainPolicy(options, context),
    );
}
