import { createInProcessBus } from '@aduana/core/bus/in-process-bus';
import type { ClientPlatform } from '@aduana/core/client/client-platform';
import { CLIENT_SETTINGS, type ClientSettings } from '@aduana/core/config/client-settings';
import { type Environment, loadConfig } from '@aduana/core/config/load-config';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RunningService } from '@aduana/core/http/service-platform';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { createMetrics } from '@aduana/core/platform/metrics';
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
  await runUntilAsked('bff', settings, context, (platform) => startBff(settings, platform));
}

export async function runActuator(context: CommandContext): Promise<void> {
  const settings = loadConfig(ACTUATOR_SETTINGS, await runningEnvironment(context.environment));
  await runUntilAsked('actuator', settings, context, (platform) => startActuator(settings, platform));
}

export async function runWalk(context: CommandContext): Promise<void> {
  const settings = loadConfig(CLIENT_SETTINGS, await runningEnvironment(context.environment));
  const opened: OpenPlatform[] = [];
  try {
    await runSecureIntegration(
      settings,
      async (service) => {
        const platform = await openClientPlatform(service, settings, context);
        opened.push(platform);
        return platform;
      },
      (step, seen) => {
        context.print(`${step}: ${seen}`);
      },
    );
    context.print('everything is as promised');
  } catch (error) {
    const detail = error instanceof SecurityError ? `${error.code}: ${error.detail ?? error.message}` : '';
    throw detail === '' ? error : new CommandFailure(1, `${detail}\n  -> Start the house with: npm start`);
  } finally {
    await Promise.all(opened.map((platform) => platform.close()));
  }
}

/** The environment, with the ports that a running house chose for itself. */
async function runningEnvironment(environment: Environment): Promise<Environment> {
  const home = environment['ADUANA_HOME'] ?? '.aduana';
  const chosen = Object.entries(await readAddresses(home)).map(([name, port]) => [name, String(port)]);
  return { ...environment, ...(Object.fromEntries(chosen) as Environment) };
}

type OpenPlatform = ClientPlatform & { close(): Promise<void> };

async function openClientPlatform(
  service: string,
  settings: ClientSettings,
  context: CommandContext,
): Promise<OpenPlatform> {
  const log = context.log.child({ service });
  const { clock } = context;
  const identity = await loadTlsIdentity({
    certsDir: settings.CERTS_DIR,
    service,
    trustDomain: settings.TRUST_DOMAIN,
    clock,
    log,
    acceptsConnections: false,
  });
  const bus = createInProcessBus();
  return {
    clock,
    log,
    identity,
    bus,
    metrics: createMetrics(),
    async close() {
      await identity.stop();
      await bus.close();
    },
  };
}

async function runUntilAsked(
  service: string,
  settings: ClientSettings,
  context: CommandContext,
  start: (platform: ClientPlatform) => RunningService | Promise<RunningService>,
): Promise<void> {
  const asked = untilAsked();
  const platform = await openClientPlatform(service, settings, context);
  try {
    const running = await start(platform);
    context.print(`${running.name} ready${running.url === '' ? '' : ` at ${running.url}`}`);
    await asked;
    await running.stop();
  } finally {
    await platform.close();
  }
}
