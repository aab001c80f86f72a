import { existsSync } from 'node:fs';
import type { ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { Environment } from '@aduana/server-kit/config/load-config';
import type { Service } from '@aduana/server-kit/iam/policy';
import type { GatewaySettings } from '../gateway/config.ts';
import { withExamplePorts } from './example-variables.ts';
import { readSupergraphConfig, type SupergraphConfig } from '../gateway/supergraph/supergraph-config.ts';

type SupergraphSettings = Pick<GatewaySettings, 'SUPERGRAPH_CONFIG' | 'MTLS_MODE' | 'TRUST_DOMAIN'>;

/** Reads the configuration of the supergraph as the gateway does. */
export function readRoutedConfig(
  settings: SupergraphSettings,
  environment: Environment,
): Promise<SupergraphConfig> {
  return readSupergraphConfig(settings.SUPERGRAPH_CONFIG, {
    variables: routingVariables(settings, environment),
    allowPlainLoopback: settings.MTLS_MODE === 'permissive',
  });
}

/** Subgraphs to which the STS would give nobody a token, with the entry to add for each. */
export function unregisteredSubgraphs(
  { subgraphs }: SupergraphConfig,
  services: ReadonlyMap<string, Service>,
  { SUPERGRAPH_CONFIG: file, TRUST_DOMAIN: domain }: SupergraphSettings,
): readonly ConfigurationProblem[] {
  return [...subgraphs.values()]
    .filter(({ audience }) => !services.has(audience))
    .map(({ name, audience }) => ({
      subject: file,
      problem: `the subgraph ${name} is no service of service_identities.yaml: nobody gets a token for ${audience}`,
      remedy: `Add to its services:\n  ${audience}: { spiffe_id: spiffe://${domain}/${audience}, authentication: [tls_client_auth] }`,
    }));
}

/** As `unregisteredSubgraphs`, where there is a configuration of a supergraph. */
export async function findUnregisteredSubgraphs(
  settings: SupergraphSettings,
  services: ReadonlyMap<string, Service>,
  environment: Environment,
): Promise<readonly ConfigurationProblem[]> {
  if (!existsSync(settings.SUPERGRAPH_CONFIG)) return [];
  return unregisteredSubgraphs(await readRoutedConfig(settings, environment), services, settings);
}

/** The deployment's own ports have defaults; anything else comes from the environment. */
function routingVariables(
  settings: Readonly<Record<string, unknown>>,
  environment: Environment,
): Record<string, string | undefined> {
  const ports = Object.entries(settings).filter(([name, value]) => name.endsWith('_PORT') && value !== 'off');
  return {
    ...withExamplePorts(environment),
    ...Object.fromEntries(ports.map(([name, value]) => [name, String(value)])),
  };
}
