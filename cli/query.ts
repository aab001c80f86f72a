import type { Command } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { openHouseClient } from './house-client.ts';

/** `aduana query`: one GraphQL request, as a service of the house. */
export function registerQuery(program: Command, context: CommandContext): void {
  program
    .command('query')
    .description('send a GraphQL request to the running gateway as a service, by its certificate')
    .argument('<document>', 'the GraphQL document')
    .requiredOption('--as <service>', 'whose certificate to show, such as bff or operator')
    .option('--variables <json>', 'the variables, as a JSON object')
    .addHelpText('after', `\nExample:\n  npx aduana query --as bff '{ leads { company score } }'`)
    .action(async (document: string, { as, variables }: { as: string; variables?: string }) => {
      const parsed = variables === undefined ? {} : parseVariables(variables);
      const house = await openHouseClient(as, context);
      try {
        const { status, auditId, data, errors } = await house.graphql(document, parsed);
        context.print(JSON.stringify({ data, ...(errors.length === 0 ? {} : { errors }) }, null, 2));
        if (auditId !== undefined) context.printError(`audit-id: ${auditId}`);
        if (status !== 200) throw new CommandFailure(1, `The gateway answered with HTTP ${String(status)}`);
      } finally {
        await house.close();
      }
    });
}

function parseVariables(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new CommandFailure(EXIT_USAGE, '--variables takes a JSON object, such as \'{"first": 10}\'');
}
