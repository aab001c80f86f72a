import { type Command, Option } from 'commander';
import type { RunningService } from '@aduana/core/http/service-platform';
import type { CommandContext } from './command-context.ts';
import { HOUSE_SERVICES } from './house-services.ts';
import { untilAsked } from './shutdown.ts';
import { startHouse } from './start-house.ts';
import { waitUntilReady } from './wait-until-ready.ts';

const OPTIONAL_SERVICES = ['sts', 'audit', 'admin'] as const;

const COMMANDS_TO_PASTE = [
  ['a query that works', `npx aduana query --as bff '{ leads { company score campaign { name } } }'`],
  ['one that is partly refused', `npx aduana query --as bff '{ leads { company contact { email } } }'`],
  ['an admin rotates the signing keys', `npx aduana keys rotate --reason 'first look'`],
] as const;

/** `aduana up`: the whole house in one process. */
export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description('start gateway, sts, audit, admin and the leads example in this process')
    .addOption(
      new Option('--without <service...>', 'leave services out, to see what happens then').choices([
        ...OPTIONAL_SERVICES,
      ]),
    )
    .action(async ({ without = [] }: { without?: string[] }) => {
      const asked = untilAsked();
      const wanted = HOUSE_SERVICES.filter(({ name }) => !without.includes(name));
      const house = await startHouse(wanted, context, { makeCertificates: true, wholeHouse: true });
      const ready = await Promise.race([
        waitUntilReady(house.services, context),
        asked.then(() => ({ waiting: [] as readonly string[] })),
      ]);
      printWelcome(house.services, ready.waiting, context);
      await asked;
      context.print('aduana is draining');
      await house.stop();
      context.print('aduana has stopped');
    });
}

function printWelcome(
  services: readonly RunningService[],
  waiting: readonly string[],
  context: CommandContext,
): void {
  const addresses = services.map(
    ({ name, url }) =>
      `  ${name.padEnd(8)} ${url}${waiting.includes(name) ? '  (not ready: see its /health)' : ''}`,
  );
  const commands = COMMANDS_TO_PASTE.flatMap(([what, command]) => [`# ${what}`, `$ ${command}`]);
  // In one piece: whoever waits for the first line may read on.
  context.print(['', 'aduana ready', ...addresses, '', ...commands].join('\n'));
}
