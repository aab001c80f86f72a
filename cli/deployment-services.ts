import { type Environment, loadConfig } from '@aduana/server-kit/config/load-config';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import type { GatewaySettings } from '../gateway/config.ts';
import type { GatewayWorker } from '../gateway/workers/gateway-worker.ts';
import { withExamplePorts } from './example-variables.ts';

/** A service whose configuration has been read. */
export interface ConfiguredService {
  readonly settings: ServiceSettings & Partial<GatewaySettings>;
  /** @param worker of the gateway, where several processes serve its ports */
  start(platform: ServicePlatform, worker?: GatewayWorker): Promise<RunningService>;
}

export interface DeploymentService {
  readonly name: string;
  readonly portVariables: readonly string[];
  /** Variables that name files which must be readable at start. */
  readonly fileVariables?: readonly string[];
  /** Whether it keeps anything in the database. */
  readonly needsStore: boolean;
  /** @throws ConfigurationError with every problem of its variables */
  configure(environment: Environment): Promise<ConfiguredService>;
}

/** Every service, loaded when it is wanted: Apollo's modules take their time. In the order in which they stop, reversed. */
export const DEPLOYMENT_SERVICES: readonly DeploymentService[] = [
  {
    name: 'audit',
    portVariables: ['AUDIT_PORT', 'HEALTH_PORT'],
    fileVariables: ['SIEM_SINKS'],
    needsStore: true,
    async configure(environment) {
      const [{ AUDIT_SETTINGS }, { startAudit }] = await Promise.all([
        import('../subgraphs/audit/config.ts'),
        import('../subgraphs/audit/start.ts'),
      ]);
      const settings = loadConfig(AUDIT_SETTINGS, environment);
      return { settings, start: (platform) => startAudit(settings, platform) };
    },
  },
  {
    name: 'sts',
    portVariables: ['STS_PORT', 'SSF_PORT', 'HEALTH_PORT'],
    needsStore: true,
    async configure(environment) {
      const [{ STS_SETTINGS }, { startSts }] = await Promise.all([
        import('../subgraphs/sts/config.ts'),
        import('../subgraphs/sts/start.ts'),
      ]);
      const settings = loadConfig(STS_SETTINGS, environment);
      return { settings, start: (platform) => startSts({ ...settings, variables: environment }, platform) };
    },
  },
  {
    name: 'admin',
    portVariables: ['ADMIN_PORT', 'HEALTH_PORT'],
    needsStore: true,
    async configure(environment) {
      const [{ ADMIN_SETTINGS }, { startAdmin }] = await Promise.all([
        import('../subgraphs/admin/config.ts'),
        import('../subgraphs/admin/start.ts'),
      ]);
      const settings = loadConfig(ADMIN_SETTINGS, environment);
      return { settings, start: (platform) => startAdmin(settings, platform) };
    },
  },
  {
    name: 'leads',
    portVariables: ['LEADS_PORT', 'HEALTH_PORT'],
    needsStore: false,
    async configure(environment) {
      const [{ LEADS_SETTINGS }, { startLeads }] = await Promise.all([
        import('../examples/leads/config.ts'),
        import('../examples/leads/start.ts'),
      ]);
      const settings = loadConfig(LEADS_SETTINGS, environment);
      return { settings, start: (platform) => startLeads(settings, platform) };
    },
  },
  {
    name: 'gateway',
    portVariables: ['GATEWAY_HTTP_PORT', 'GATEWAY_TLS_PORT', 'HEALTH_PORT'],
    fileVariables: ['SUPERGRAPH_CONFIG', 'SUPERGRAPH_SDL'],
    needsStore: false,
    async configure(environment) {
      const [{ GATEWAY_SETTINGS }, { startGateway }] = await Promise.all([
        import('../gateway/config.ts'),
        import('../gateway/start.ts'),
      ]);
      const settings = loadConfig(GATEWAY_SETTINGS, environment);
      return {
        settings,
        start: (platform, worker) =>
          startGateway({ ...settings, variables: withExamplePorts(environment) }, platform, worker),
      };
    },
  },
  {
    name: 'console',
    portVariables: ['CONSOLE_PORT', 'HEALTH_PORT'],
    needsStore: false,
    async configure(environment) {
      const [{ CONSOLE_SETTINGS }, { startConsole }] = await Promise.all([
        import('../console/server/config.ts'),
        import('../console/server/start.ts'),
      ]);
      const settings = loadConfig(CONSOLE_SETTINGS, environment);
      return { settings, start: (platform) => startConsole(settings, platform) };
    },
  },
];
