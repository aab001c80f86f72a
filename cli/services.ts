import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { DEPLOYMENT_SERVICES, type DeploymentService } from './deployment-services.ts';
import { claimReplicaHome } from './replica-home.ts';
import { unlessAsked, untilAsked } from './shutdown.ts';
import { startDeployment } from './start-deployment.ts';
import { examples } from './help-examples.ts';

const MOST_WORKERS = 128;
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  gateway: 'run only the gateway (needs no database)',
  sts: 'run only the Security Token Service (needs DATABASE_URL)',
  audit: 'run only the audit log (needs DATABASE_URL)',
  admin: 'run only the admin service (needs DATABASE_URL)',
  console: 'run only the console, the pages for operators and auditors (needs no database)',
  leads: 'run only the example subgraph',
};

/** One command for each service, as production runs them. */
export function registerServices(program: Command, context: CommandContext): void {
  for (const service of DEPLOYMENT_SERVICES) {
    const command = commandFor(program, service.name);
    if (service.name === 'gateway')
      command.option(
        '--workers <N|auto>',
        'how many processes serve the ports; auto: one for each CPU',
        readWorkers,
        1,
      );
    command.addHelpText(
      'after',
      examples(service.name, ...(service.name === 'gateway' ? ['gateway --workers auto'] : [])),
    );
    command.action(async ({ workers = 1 }: { readonly workers?: number }) => {
      const replica = await claimReplicaHome(service.name, context);
      try {
        await runService(service, workers, replica.context);
      } finally {
        await replica.release();
      }
    });
  }
}

async function runService(
  service: DeploymentService,
  workers: number,
  context: CommandContext,
): Promise<void> {
  if (workers > 1) {
    const { runGatewayWorkers } = await import('./gateway-workers.ts');
    await runGatewayWorkers(service, workers, context);
    return;
  }
  const asked = untilAsked();
  const deployment = await unlessAsked(asked, (signal) =>
    startDeployment([service], context, { makeCertificates: false, wholeDeployment: false, signal }),
  );
  if (deployment === undefined) return;
  for (const { name, url } of deployment.services) context.print(`${name} listens at ${url}`);
  await deployment.stop(await asked);
}

function readWorkers(text: string): number {
  const workers = text === 'auto' ? availableParallelism() : Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  throw new InvalidArgumentError(`It is a number from 1 to ${String(MOST_WORKERS)}, or auto.`);
}

/** The service's own command, which may hold subcommands already: `aduana audit` serves, `aduana audit verify` verifies. */
function commandFor(program: Command, service: string): Command {
  const known = program.commands.find((command) => command.name() === service);
  const description = DESCRIPTIONS[service] ?? service;
  return known === undefined
    ? program.command(service).description(description)
    : known.description(`${description}; subcommands ${known.description()}`);
}
