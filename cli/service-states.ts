import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { examples } from './help-examples.ts';

const ACTIONS = [
  ['suspend', 'suspended', 'refuse a service everywhere, open connections included, until it is restored'],
  ['restore', 'restored', 'end the suspension of a service'],
] as const;

/** `aduana services suspend|restore`: straight to the admin service, so that the gateway itself can be suspended. */
export function registerServiceStates(program: Command, context: CommandContext): void {
  const services = program
    .command('services')
    .description('suspend and restore services (with the operator certificate, not through the gateway)');
  for (const [action, done, description] of ACTIONS)
    services
      .command(action)
      .description(description)
      .argument('<id>', 'the id of the service, such as bff or gateway')
      .requiredOption('--reason <text>', 'why; it is recorded in the audit log')
      .addHelpText('after', examples(`services ${action} bff --reason 'why'`))
      .action(async (id: string, { reason }: { reason: string }) => {
        await change(action, id, reason, context);
        context.print(`${done} ${id}`);
      });
}

async function change(
  action: 'suspend' | 'restore',
  serviceId: string,
  reason: string,
  context: CommandContext,
): Promise<void> {
  const { askAdmin } = await import('./ask-admin.ts');
  const field = `${action}Service`;
  await askAdmin(
    `mutation ($serviceId: ID!, $reason: String!) { ${field}(serviceId: $serviceId, reason: $reason) { id } }`,
    { serviceId, reason },
    'iam:services:write',
    context,
  );
}
