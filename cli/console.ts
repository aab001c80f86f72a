import type { Command } from 'commander';
import { readLoginPort } from '../console/server/login-port.ts';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';
import { askForToken } from './get-token.ts';
import { examples } from './help-examples.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 4_096;

/** `aduana console login`; `aduana console` itself is one of the services. */
export function registerConsole(program: Command, context: CommandContext): void {
  program
    .command('console')
    .description('print a sign-in link')
    .command('login')
    .description('print a link that signs in a browser on this machine; it works once, for a minute')
    .option('--as <service>', 'the service whose rights the pages have, such as operator or auditor')
    .addHelpText('after', examples('console login --as auditor'))
    .action(async ({ as }: { as?: string }) => {
      if (as === undefined)
        throw new CommandFailure(
          EXIT_USAGE,
          'Name the service whose rights the pages have: --as operator or --as auditor',
        );
      const deployment = await openDeploymentClient(as, context);
      try {
        context.print(await createLink(as, deployment));
      } finally {
        await deployment.close();
      }
    });
}

/** Hands the console a token that is bound to the service's certificate, over a connection that shows it. */
async function createLink(as: string, deployment: DeploymentClient): Promise<string> {
  const { settings, client } = deployment;
  const port = await readLoginPort(settings.ADUANA_HOME);
  if (port === undefined)
    throw new CommandFailure(
      1,
      `No console runs with the home ${settings.ADUANA_HOME}\n  -> Start it with: npm start, or npx aduana console`,
    );
  const token = await askForToken(deployment, { as, audience: 'console' }, undefined);
  const console = client.peer({
    origin: `https://localhost:${String(port)}`,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/console`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  });
  const { status, body } = await console
    .request({
      method: 'POST',
      path: '/login/links',
      headers: { authorization: `Bearer ${token}` },
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    })
    .catch((error: unknown) => {
      const { detail, message } = error as { readonly detail?: string; readonly message: string };
      throw new CommandFailure(1, `The console does not answer: ${detail ?? message}`);
    });
  const answer = JSON.parse(body.toString('utf8')) as Readonly<Record<string, unknown>>;
  const { url } = answer;
  if (status === 201 && typeof url === 'string') return url;
  throw new CommandFailure(1, `The console refused (HTTP ${String(status)}): ${String(answer['error'])}`);
}
