import type { GatewayWorker } from '../gateway/workers/gateway-worker.ts';
import type { CommandContext } from './command-context.ts';
import type { ConfiguredService, DeploymentService } from './deployment-services.ts';
import { misspelledVariables } from './misspelled-variables.ts';
import { checkBinding, checkFile, checkPorts, type Preflight, type WantedPort } from './preflight.ts';

export interface ConfigurationOptions {
  /** The whole deployment in one process: it has an embedded database, and one plain port for probes. */
  readonly wholeDeployment: boolean;
  /** One of several processes of the gateway: the primary has the ports. */
  readonly worker?: GatewayWorker;
}

/**
 * Reads the settings of the services and looks at what they name: addresses, ports, files and subgraphs. Problems go to
 * `preflight`; a service that has one is left out.
 */
export async function configureServices(
  wanted: readonly DeploymentService[],
  context: CommandContext,
  preflight: Preflight,
  options: ConfigurationOptions,
): Promise<ReadonlyMap<string, ConfiguredService>> {
  for (const { name, meant } of misspelledVariables(context.environment))
    context.log.warn('a variable is not known, and its name is nearly that of one', { name, meant });
  const configured = new Map<string, ConfiguredService>();
  for (const service of wanted) {
    // One process has one plain port for probes: the gateway's.
    const probes = options.wholeDeployment && service.name !== 'gateway' ? { HEALTH_PORT: 'off' } : {};
    const ready = await preflight.try(() => service.configure({ ...context.environment, ...probes }));
    if (ready !== undefined) configured.set(service.name, ready);
  }
  const ports: WantedPort[] = [];
  let address = '127.0.0.1';
  for (const [name, { settings }] of configured) {
    checkBinding(preflight, settings);
    address = settings.BIND_ADDRESS;
    const { portVariables = [], fileVariables = [] } = wanted.find((service) => service.name === name) ?? {};
    const values = settings as Readonly<Record<string, unknown>>;
    for (const variable of portVariables) {
      const port = values[variable];
      if (typeof port === 'number') ports.push({ variable, port });
    }
    for (const variable of fileVariables) checkFile(preflight, variable, String(values[variable]));
    if (settings.DATABASE_URL === undefined && !options.wholeDeployment && wanted.some((s) => s.needsStore))
      preflight.add({
        subject: 'DATABASE_URL',
        problem: `is not set, and ${name} alone has no embedded database`,
        remedy: 'Set DATABASE_URL=postgres://user@host:5432/database, or run `aduana up`',
      });
  }
  await checkSubgraphs(configured.get('gateway'), context, preflight);
  if ([...configured.values()].some(({ settings }) => !settings.MTLS_ENABLED))
    context.log.warn(
      'MTLS IS OFF: the gateway asks nobody for a certificate. This is for development on loopback; set MTLS_ENABLED=true',
    );
  if (options.worker === undefined) await checkPorts(preflight, address, ports);
  return configured;
}

/** A subgraph that is no service could be asked nothing: each query on it would fail. */
async function checkSubgraphs(
  gateway: ConfiguredService | undefined,
  { environment }: CommandContext,
  preflight: Preflight,
): Promise<void> {
  if (gateway === undefined) return;
  const { loadConfig } = await import('@aduana/server-kit/config/load-config');
  const { loadPolicies } = await import('@aduana/server-kit/iam/load-policies');
  const { GATEWAY_SETTINGS } = await import('../gateway/config.ts');
  const { findUnregisteredSubgraphs } = await import('./unregistered-subgraphs.ts');
  const settings = loadConfig(GATEWAY_SETTINGS, environment);
  const problems = await preflight.try(async () => {
    const { services } = await loadPolicies(settings.POLICIES_DIR);
    return findUnregisteredSubgraphs(settings, services, environment);
  });
  problems?.forEach(preflight.add);
}
