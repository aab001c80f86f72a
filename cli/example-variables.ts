import { type Environment, loadConfig } from '@aduana/server-kit/config/load-config';
import { LEADS_SETTINGS } from '../examples/leads/config.ts';

/**
 * The environment, with the ports of the examples where it names none: `supergraph.yaml` may use them, and the services
 * do not know them.
 *
 * @throws ConfigurationError for a port that is none
 */
export function withExamplePorts(environment: Environment): Environment {
  const { LEADS_PORT } = LEADS_SETTINGS;
  const settings = loadConfig({ LEADS_PORT }, environment);
  return { ...environment, LEADS_PORT: String(settings.LEADS_PORT) };
}
