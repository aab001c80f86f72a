import { loadConfig } from '@aduana/server-kit/config/load-config';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunningService } from '@aduana/server-kit/http/service-platform';
import { GATEWAY_SETTINGS } from '../gateway/config.ts';
import { localSupergraphFile } from '../gateway/supergraph/open-supergraph-source.ts';
import type { CommandContext } from './command-context.ts';
import { DEPLOYMENT_SERVICES } from './deployment-services.ts';
import { policiesFolder } from './policies-folder.ts';
import { unlessAsked, untilAsked } from './shutdown.ts';
import { startDeployment } from './start-deployment.ts';
import { waitUntilReady } from './wait-until-ready.ts';
import { type WelcomeCommand, welcomeCommands } from './welcome-commands.ts';
import { examples } from './help-examples.ts';

/** Started where `service_identities.yaml` registers them. */
const OPTIONAL_SERVICES = ['leads', 'console'];

/** `aduana up`: the whole deployment in one process. */
export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description(
      'start gateway, sts, audit and admin in this process, and the console and the leads example if they are registered',
    )
    .addOption(
      new Option(
        '--without <services...>',
        'do not start these services; separate them with commas or blanks',
      ).argParser((text: string, before: string[] | undefined) => [...(before ?? []), ...readServices(text)]),
    )
    .addHelpText('after', examples('up', 'up --without leads,console'))
    .action(async ({ without = [] }: { without?: string[] }) => {
      const asked = untilAsked();
      const registered = await registeredServices(context);
      const wanted = DEPLOYMENT_SERVICES.filter(
        ({ name }) =>
          !without.includes(name) &&
          (!OPTIONAL_SERVICES.includes(name) || registered.includes(name)) &&
          (name !== 'console' || context.environment['CONSOLE_PORT'] !== 'off'),
      );
      const deployment = await unlessAsked(asked, (signal) =>
        startDeployment(wanted, context, { makeCertificates: true, wholeDeployment: true, signal }),
      );
      if (deployment === undefined) return;
      const ready = await Promise.race([
        waitUntilReady(deployment.services, context),
        asked.then(() => ({ waiting: [] as readonly string[] })),
      ]);
      const commands = without.includes('gateway') ? [] : await commandsFor(context);
      printWelcome(deployment.services, ready.waiting, commands, context);
      const signal = await asked;
      context.print('aduana is draining');
      await deployment.stop(signal);
      context.print('aduana has stopped');
    });
}

/** @throws InvalidArgumentError for a service that there is not */
function readServices(text: string): readonly string[] {
  const names = text.split(',').filter((name) => name !== '');
  const known = DEPLOYMENT_SERVICES.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`${unknown.join(', ')}: not among ${[...known].sort().join(', ')}`);
  return names;
}

/** The services that the policies register; what is wrong with their files is reported by the services that read them. */
async function registeredServices(context: CommandContext): Promise<readonly string[]> {
  const sources = await loadPolicies(policiesFolder({}, context)).catch(() => undefined);
  return sources === undefined ? OPTIONAL_SERVICES : [...sources.services.keys()];
}

/** Commands that fit the graph; none where it cannot be read, which the gateway has reported. */
async function commandsFor({ environment }: CommandContext): Promise<readonly WelcomeCommand[]> {
  const { SUPERGRAPH_SDL, SUPERGRAPH_GRAPH_REF, ADUANA_HOME } = GATEWAY_SETTINGS;
  const location = loadConfig({ SUPERGRAPH_SDL, SUPERGRAPH_GRAPH_REF, ADUANA_HOME }, environment);
  return welcomeCommands(localSupergraphFile(location)).catch(() => []);
}

function printWelcome(
  services: readonly RunningService[],
  waiting: readonly string[],
  welcome: readonly WelcomeCommand[],
  context: CommandContext,
): void {
  const addresses = services.map(
    ({ name, url }) =>
      `  ${name.padEnd(8)} ${url}${waiting.includes(name) ? '  (not ready: see its /health)' : ''}`,
  );
  const commands = welcome.flatMap(([what, command]) => [`# ${what}`, `$ ${command}`]);
  // In one piece: whoever waits for the first line may read on.
  context.print(['', 'aduana ready', ...addresses, '', ...commands].join('\n'));
}
