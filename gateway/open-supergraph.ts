import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { GatewayConfig } from './config.ts';
import { openSupergraphSource } from './supergraph/open-supergraph-source.ts';
import { readSupergraphConfig } from './supergraph/supergraph-config.ts';
import {
  createLoadHere,
  type LoadSupergraph,
  openSupergraphManager,
  type SupergraphManager,
} from './supergraph/supergraph-manager.ts';
import { createLoadInThread } from './threads/load-in-thread.ts';

/**
 * The supergraph that the configuration names, followed from now on.
 *
 * @throws ConfigurationError where it does not load
 */
export async function openSupergraph(
  config: GatewayConfig,
  platform: ServicePlatform,
  policies: LivePolicies,
): Promise<SupergraphManager> {
  if (config.AUTHORIZATION_MODE === 'dry_run')
    platform.log.warn('AUTHORIZATION_MODE=dry_run: NOTHING IS REFUSED by this gateway, only recorded');
  const subgraphs = await readSubgraphs(config);
  const source = await openSupergraphSource(config, platform.log);
  return openSupergraphManager({
    source,
    subgraphs,
    load: loadWith(config, platform),
    isRegistered: (audience) => policies.current().services.has(audience),
    platform,
  }).catch((error: unknown) => {
    if (!(error instanceof SecurityError) || error.code !== 'SUPERGRAPH_INVALID') throw error;
    const problem = error.detail ?? error.message;
    throw new ConfigurationError([
      {
        subject: source.name,
        problem,
        remedy:
          'Compose it with `npx aduana supergraph compose`; each of its subgraphs needs an entry in service_identities.yaml',
      },
    ]);
  });
}

function loadWith(config: GatewayConfig, { clock, log }: ServicePlatform): LoadSupergraph {
  const { PLANNING_THREADS: threads, UNGUARDED_FIELDS: unguardedFields } = config;
  return threads === 'off'
    ? createLoadHere({ unguardedFields })
    : createLoadInThread({
        threads,
        jobMilliseconds: config.PLANNING_TIMEOUT_MS,
        unguardedFields,
        clock,
        log,
      });
}

async function readSubgraphs(config: GatewayConfig) {
  const { STS_PORT, AUDIT_PORT, ADMIN_PORT } = config;
  const ports = Object.entries({ STS_PORT, AUDIT_PORT, ADMIN_PORT }).map(
    ([name, port]) => [name, String(port)] as const,
  );
  const { subgraphs } = await readSupergraphConfig(config.SUPERGRAPH_CONFIG, {
    variables: { ...config.variables, ...Object.fromEntries(ports) },
    allowPlainLoopback: config.MTLS_MODE === 'permissive',
  });
  return subgraphs;
}
