import { type Clock, type Log, SecurityError } from '@aduana/client';
import { CLIENT_SETTINGS } from '@aduana/server-kit/config/client-settings';
import { type Environment, loadConfig } from '@aduana/server-kit/config/load-config';
import type { RunningService } from '@aduana/server-kit/http/service-platform';
import { ACTUATOR_SETTINGS } from '../examples/actuator/config.ts';
import { startActuator } from '../examples/actuator/start.ts';
import { BFF_SETTINGS } from '../examples/bff/config.ts';
import { startBff } from '../examples/bff/start.ts';
import { runSecureIntegration } from '../examples/secure-integration/start.ts';
import { readAddresses } from './addresses.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { untilAsked } from './shutdown.ts';

export async function runBff(context: CommandContext): Promise<void> {
  const settings = loadConfig(BFF_SETTINGS, await runningEnvironment(context.environment));
  await runUntilAsked('bff', context, (platform) => startBff(settings, platform));
}

export async function runActuator(context: CommandContext): Promise<void> {
  const settings = loadConfig(ACTUATOR_SETTINGS, await runningEnvironment(context.environment));
  await runUntilAsked('actuator', context, (platform) => startActuator(settings, platform));
}

export async function runSecureIntegrationExample(context: CommandContext): Promise<void> {
  const settings = loadConfig(CLIENT_SETTINGS, await runningEnvironment(context.environment));
  try {
    await runSecureIntegration(settings, context, (step, seen) => {
      context.print(`${step}: ${seen}`);
    });
    context.print('everything works as described');
  } catch (error) {
    const detail = error instanceof SecurityError ? `${error.code}: ${error.detail ?? error.message}` : '';
    throw detail === ''
      ? error
      : new CommandFailure(1, `${detail}\n  -> Start the deployment with: npm start`);
  }
}

/** The environment, with the ports that a running deployment chose for itself. */
async function runningEnvironment(environment: Environment): Promise<Environment> {
  const home = environment['ADUANA_HOME'] ?? '.aduana';
  const chosen = Object.entries(await readAddresses(home)).map(([name, port]) => [name, String(port)]);
  return { ...environment, ...(Object.fromEntries(chosen) as Environment) };
}

async function runUntilAsked(
  service: string,
  { clock, log, print }: CommandContext,
  start: (platform: { readonly clock: Clock; readonly log: Log }) => Promise<RunningService>,
): Promise<void> {
  const asked = untilAsked();
  const running = await start({ clock, log: log.child({ service }) });
  print(`${running.name} ready${running.url === '' ? '' : ` at ${running.url}`}`);
  await asked;
  await running.stop();
}
