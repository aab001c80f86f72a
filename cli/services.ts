import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { HOUSE_SERVICES } from './house-services.ts';
import { untilAsked } from './shutdown.ts';
import { startHouse } from './start-house.ts';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  gateway: 'run the gateway alone (needs no database)',
  sts: 'run the Security Token Service alone (needs DATABASE_URL)',
  audit: 'run the audit log alone (needs DATABASE_URL)',
  admin: 'run the admin service alone (needs DATABASE_URL)',
  leads: 'run the example subgraph alone',
};

/** One command for each service, as production runs them. */
export function registerServices(program: Command, context: CommandContext): void {
  for (const service of HOUSE_SERVICES)
    commandFor(program, service.name).action(async () => {
      const asked = untilAsked();
      const house = await startHouse([service], context, {
        makeCertificates: false,
        wholeHouse: false,
      });
      for (const { name, url } of house.services) context.print(`${name} listens at ${url}`);
      await asked;
      await house.stop();
    });
}

/** The service's own command, which may hold subcommands already: `aduana audit` serves, `aduana audit verify` verifies. */
function commandFor(program: Command, service: string): Command {
  const known = program.commands.find((command) => command.name() === service);
  const description = DESCRIPTIONS[service] ?? service;
  return known === undefined
    ? program.command(service).description(description)
    : known.description(`${description}; its subcommands: ${known.description()}`);
}
