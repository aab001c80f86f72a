import { type Environment, loadConfig } from '@aduana/core/config/load-config';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import type { GatewaySettings } from '../gateway/config.ts';

/** A service whose configuration has been read. */
export interface ConfiguredService {
  readonly settings: HouseSettings & Partial<GatewaySettings>;
  start(platform: ServicePlatform): Promise<RunningService>;
}

export interface HouseService {
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
export const HOUSE_SERVICES: readonly HouseService[] = [
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
    portVariables: ['STS_PORT', 'HEALTH_PORT'],
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
      const { LEADS_SETTINGS, startLeads } = await import('../examples/leads/start.ts');
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
        start: (platform) => startGateway({ ...settings, variables: environment }, platform),
      };
    },
  },
];
