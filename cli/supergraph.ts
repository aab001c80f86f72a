import { readFile } from 'node:fs/promises';
import { EXIT_CONFIGURATION } from '@aduana/core/errors/configuration-error';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { Command } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';

const COORDINATES_TOLD = 20;
const SDL_MODE = 0o644;

interface ComposeOptions {
  readonly check?: true;
  readonly json?: true;
}

/** `aduana supergraph compose`: from the subgraphs' schemas to the supergraph that the gateway serves. */
export function registerSupergraph(program: Command, context: CommandContext): void {
  program
    .command('supergraph')
    .description('the supergraph: composition and its checks')
    .command('compose')
    .description(
      'compose SUPERGRAPH_CONFIG into SUPERGRAPH_SDL and tell which root fields have a requirement',
    )
    .option('--check', 'write nothing, fail when the SDL is stale')
    .option('--json', 'print the report, or the problems, as JSON')
    .action((options: ComposeOptions) => compose(options, context));
}

async function compose({ check, json }: ComposeOptions, context: CommandContext): Promise<void> {
  const { loadConfig } = await import('@aduana/core/config/load-config');
  const { compile } = await import('@aduana/core/iam/compile');
  const { loadPolicies } = await import('@aduana/core/iam/load-policies');
  const { GATEWAY_SETTINGS } = await import('../gateway/config.ts');
  const { composeSupergraph } = await import('../gateway/supergraph/compose-supergraph.ts');
  const { findStaleCoordinates } = await import('../gateway/supergraph/find-stale-coordinates.ts');
  const { printCoverage } = await import('../gateway/supergraph/coverage.ts');
  const { readSubgraphs } = await import('../gateway/supergraph/read-subgraphs.ts');
  const { readSupergraphConfig } = await import('../gateway/supergraph/supergraph-config.ts');
  const settings = loadConfig(GATEWAY_SETTINGS, context.environment);
  const { SUPERGRAPH_CONFIG, SUPERGRAPH_SDL, POLICIES_DIR, MTLS_MODE } = settings;

  const config = await readSupergraphConfig(SUPERGRAPH_CONFIG, {
    variables: routingVariables(settings, context.environment),
    allowPlainLoopback: MTLS_MODE === 'permissive',
  });
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
  const { sdl, report } = composition;
  for (const line of json ? [JSON.stringify(report, null, 2)] : printCoverage(report)) context.print(line);
  if (check) {
    const committed = await readIfThere(SUPERGRAPH_SDL);
    const stale = committed === '' ? [] : findStaleCoordinates(committed, sdl);
    if (committed !== '' && stale.length === 0) return;
    const how = committed === '' ? 'missing' : `stale at ${stale.slice(0, COORDINATES_TOLD).join(', ')}`;
    throw new CommandFailure(1, `${SUPERGRAPH_SDL} is ${how}: run \`npx aduana supergraph compose\``);
  }
  await writeFileAtomically(SUPERGRAPH_SDL, sdl, SDL_MODE);
}

/** The house's own ports have defaults; anything else comes from the environment. */
function routingVariables(
  settings: Readonly<Record<string, unknown>>,
  environment: CommandContext['environment'],
): Record<string, string | undefined> {
  const ports = Object.entries(settings).filter(([name, value]) => name.endsWith('_PORT') && value !== 'off');
  return { ...environment, ...Object.fromEntries(ports.map(([name, value]) => [name, String(value)])) };
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new CommandFailure(EXIT_CONFIGURATION, `${file} cannot be read`);
  }
}
