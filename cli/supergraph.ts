import { readFile } from 'node:fs/promises';
import { ConfigurationError, EXIT_CONFIGURATION } from '@aduana/core/errors/configuration-error';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { type Command, Option } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import type { SupergraphDiffOptions } from './supergraph-diff.ts';
import { examples } from './help-examples.ts';

const COORDINATES_TOLD = 20;
const SDL_MODE = 0o644;

interface ComposeOptions {
  readonly check?: true;
  readonly json?: true;
}

/** `aduana supergraph compose|diff`: from the subgraphs' schemas to the supergraph that the gateway serves. */
export function registerSupergraph(program: Command, context: CommandContext): void {
  const supergraph = program
    .command('supergraph')
    .description('compose the supergraph, and compare two of them');
  supergraph
    .command('compose')
    .description('compose SUPERGRAPH_CONFIG into SUPERGRAPH_SDL, and print what each root field requires')
    .option('--check', 'write nothing, and fail if SUPERGRAPH_SDL is not up to date')
    .option('--json', 'print the report, or the problems, as JSON')
    .addHelpText('after', examples('supergraph compose', 'supergraph compose --check'))
    .action((options: ComposeOptions) => compose(options, context));
  supergraph
    .command('diff')
    .description(
      'show what another supergraph changes: fields that a role gains or loses, and fields that are no longer guarded',
    )
    .argument('<before>', 'the composed supergraph that is in force')
    .argument('<after>', 'the composed supergraph to compare it with')
    .option('--policies <folder>', 'the folder with the roles (default POLICIES_DIR)')
    .addOption(
      new Option('--format <format>', 'text for a terminal, markdown for a pull request, json for a program')
        .choices(['text', 'markdown', 'json'])
        .default('text'),
    )
    .option('--exit-code', 'exit 1 if a role gains a field, or a field is no longer guarded')
    .addHelpText('after', examples('supergraph diff old.graphql new.graphql --format markdown'))
    .action(async (before: string, after: string, options: SupergraphDiffOptions) =>
      (await import('./supergraph-diff.ts')).printSupergraphDiff({ before, after }, options, context),
    );
}

async function compose({ check, json }: ComposeOptions, context: CommandContext): Promise<void> {
  const { loadConfig } = await import('@aduana/server-kit/config/load-config');
  const { compile } = await import('@aduana/server-kit/iam/compile');
  const { loadPolicies } = await import('@aduana/server-kit/iam/load-policies');
  const { GATEWAY_SETTINGS } = await import('../gateway/config.ts');
  const { composeSupergraph } = await import('../gateway/supergraph/compose-supergraph.ts');
  const { findStaleCoordinates } = await import('../gateway/supergraph/find-stale-coordinates.ts');
  const { printCoverage } = await import('../gateway/supergraph/coverage.ts');
  const { readSubgraphs } = await import('../gateway/supergraph/read-subgraphs.ts');
  const { isSupergraphUrl } = await import('../gateway/supergraph/open-supergraph-source.ts');
  const { readRoutedConfig, unregisteredSubgraphs } = await import('./unregistered-subgraphs.ts');
  const settings = loadConfig(GATEWAY_SETTINGS, context.environment);
  const { SUPERGRAPH_SDL, POLICIES_DIR } = settings;

  if (isSupergraphUrl(settings))
    throw new ConfigurationError([
      {
        subject: 'SUPERGRAPH_SDL',
        problem: 'is a URL: the supergraph is composed elsewhere',
        remedy: 'Set SUPERGRAPH_SDL to a file to compose into it',
      },
    ]);
  const config = await readRoutedConfig(settings, context.environment);
  const engine = compile(await loadPolicies(POLICIES_DIR));
  const composition = composeSupergraph(await readSubgraphs(config), {
    permissions: engine.catalogue,
    policies: new Set(engine.policies.keys()),
  });
  if (!composition.ok) {
    if (json) context.print(JSON.stringify({ problems: composition.problems }, null, 2));
    else for (const { where, problem } of composition.problems) context.printError(`${where}: ${problem}`);
    throw new CommandFailure(1, `${String(composition.problems.length)} problem(s): nothing was written`);
  }
  const unregistered = unregisteredSubgraphs(config, engine.services, settings);
  if (unregistered.length > 0) {
    const problems = unregistered.map(({ problem, remedy }) => ({
      where: '',
      problem: `${problem}. ${remedy}`,
    }));
    if (json) context.print(JSON.stringify({ problems }, null, 2));
    else for (const { problem } of problems) context.printError(problem);
    throw new CommandFailure(1, `${String(problems.length)} problem(s): nothing was written`);
  }
  const { sdl, report } = composition;
  // Before anything is printed: whoever reads the output may end this process by closing it, as `head` does.
  if (!check) await writeFileAtomically(SUPERGRAPH_SDL, sdl, SDL_MODE);
  for (const line of json ? [JSON.stringify(report, null, 2)] : printCoverage(report)) context.print(line);
  if (!check) return;
  const committed = await readIfThere(SUPERGRAPH_SDL);
  const stale = committed === '' ? [] : findStaleCoordinates(committed, sdl);
  if (committed !== '' && stale.length === 0) {
    requireGuards(report.open, settings.UNGUARDED_FIELDS);
    return;
  }
  const how = committed === '' ? 'missing' : `stale at ${stale.slice(0, COORDINATES_TOLD).join(', ')}`;
  throw new CommandFailure(1, `${SUPERGRAPH_SDL} is ${how}\n  -> Run \`npx aduana supergraph compose\``);
}

function requireGuards(open: readonly string[], unguarded: 'authenticated' | 'deny'): void {
  if (unguarded !== 'deny' || open.length === 0) return;
  const some = open.slice(0, COORDINATES_TOLD).join(', ');
  throw new CommandFailure(
    1,
    `UNGUARDED_FIELDS=deny: nobody may use ${String(open.length)} field(s) without a directive: ${some}\n  -> Put @authenticated or another directive on them`,
  );
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new CommandFailure(
      EXIT_CONFIGURATION,
      `${file} cannot be read\n  -> Check the permissions of the file`,
    );
  }
}
