import type { GatewayStream } from '@aduana/client/gateway/subscribe-gateway';
import type { Command } from 'commander';
import { getOperationAST, OperationTypeNode, parse } from 'graphql';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { openDeploymentClient } from './deployment-client.ts';
import { examples } from './help-examples.ts';

interface QueryOptions {
  readonly as: string;
  readonly variables?: string;
  readonly messages?: string;
}

/** `aduana query`: one GraphQL request, as a service of the deployment. */
export function registerQuery(program: Command, context: CommandContext): void {
  program
    .command('query')
    .description(
      'send a GraphQL request to the running gateway as a service, with its certificate; a subscription prints one line per message',
    )
    .argument('<document>', 'the GraphQL document; one operation')
    .requiredOption('--as <service>', 'the service whose certificate is shown, such as bff or operator')
    .option('--variables <json>', 'the variables, as a JSON object')
    .option('--messages <count>', 'end a subscription after this number of messages')
    .addHelpText(
      'after',
      examples(
        `query --as bff '{ leads { company score } }'`,
        `query --as bff --messages 1 'subscription { leadChanged { company status } }'`,
      ),
    )
    .action(async (document: string, { as, variables, messages }: QueryOptions) => {
      const parsed = variables === undefined ? {} : parseVariables(variables);
      const deployment = await openDeploymentClient(as, context);
      try {
        if (isSubscription(document)) {
          await printStream(await deployment.subscribe(document, parsed), readCount(messages), context);
          return;
        }
        const { status, auditId, data, errors } = await deployment.graphql(document, parsed);
        context.print(JSON.stringify({ data, ...(errors.length === 0 ? {} : { errors }) }, null, 2));
        if (auditId !== undefined) context.printError(`audit-id: ${auditId}`);
        if (status !== 200) throw new CommandFailure(1, `The gateway answered with HTTP ${String(status)}`);
      } finally {
        await deployment.close();
      }
    });
}

/** Each message on a line of its own, until the stream ends. */
async function printStream(
  { status, auditId, refused, messages }: GatewayStream,
  most: number,
  { print, printError }: CommandContext,
): Promise<void> {
  if (auditId !== undefined) printError(`audit-id: ${auditId}`);
  if (status !== 200) {
    print(JSON.stringify({ errors: refused }, null, 2));
    throw new CommandFailure(1, `The gateway answered with HTTP ${String(status)}`);
  }
  let printed = 0;
  for await (const message of messages) {
    print(JSON.stringify(message));
    printed += 1;
    if (printed >= most) break;
  }
}

function readCount(text: string | undefined): number {
  if (text === undefined) return Infinity;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new CommandFailure(EXIT_USAGE, '--messages must be a number, 1 or more');
}

/** What does not parse is the gateway's to refuse. */
function isSubscription(document: string): boolean {
  try {
    return getOperationAST(parse(document))?.operation === OperationTypeNode.SUBSCRIPTION;
  } catch {
    return false;
  }
}

function parseVariables(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // reported below
  }
  throw new CommandFailure(EXIT_USAGE, '--variables must be a JSON object, such as \'{"first": 10}\'');
}
