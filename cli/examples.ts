import type { Command } from 'commander';
import { createInProcessBus } from '@aduana/core/bus/in-process-bus';
import type { ClientPlatform } from '@aduana/core/client/client-platform';
import { CLIENT_SETTINGS, type ClientSettings } from '@aduana/core/config/client-settings';
import { type Environment, loadConfig } from '@aduana/core/config/load-config';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RunningService } from '@aduana/core/http/service-platform';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { createMetrics } from '@aduana/core/platform/metrics';
import { readAddresses } from './addresses.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { untilAsked } from './shutdown.ts';

/** The examples that only call the house: each needs a running one. */
export function registerExamples(program: Command, context: CommandContext): void {
  program
    .command('bff')
    .description('run the example BFF: a page and its API on loopback, mTLS and tokens behind')
    .action(async () => {
      const { BFF_SETTINGS } = await import('../examples/bff/config.ts');
      const { startBff } = await import('../examples/bff/start.ts');
      const settings = loadConfig(BFF_SETTINGS, await runningEnvironment(context.environment));
      await runUntilAsked('bff', settings, context, (platform) => startBff(settings, platform));
    });
  program
    .command('actuator')
    .description('run the example worker: polls the gateway for new leads and moves them on')
    .action(async () => {
      const { ACTUATOR_SETTINGS } = await import('../examples/actuator/config.ts');
      const { startActuator } = await import('../examples/actuator/start.ts');
      const settings = loadConfig(ACTUATOR_SETTINGS, await runningEnvironment(context.environment));
      await runUntilAsked('actuator', settings, context, (platform) => startActuator(settings, platform));
    });
  program
    .command('secure-integration')
    .description('walk through a running house: token, call, refusal, stolen token, rotation, audit proof')
    .action(() => walk(context));
}

async function walk(context: CommandContext): Promise<void> {
  const { runSecureIntegration } = await import('../examples/secure-integration/start.ts');
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
