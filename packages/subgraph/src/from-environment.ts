import type { ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import { checkDeploymentOptions } from '@aduana/core/sts-connection/deployment-options';
import type { SubgraphOptions } from './open-subgraph.ts';

const NAMES = {
  service: 'ADUANA_SERVICE',
  certsDir: 'ADUANA_CERTS_DIR',
  stsUrl: 'ADUANA_STS_URL',
  trustDomain: 'ADUANA_TRUST_DOMAIN',
  issuer: 'ADUANA_STS_ISSUER',
} as const;
const PEERS = 'ADUANA_PEERS';
const MODE = 'ADUANA_AUTHORIZATION_MODE';
const MODES = ['filter', 'reject', 'dry_run'] as const;

/**
 * The options of `openSubgraph` from variables: `ADUANA_SERVICE`, `ADUANA_CERTS_DIR`, `ADUANA_STS_URL`,
 * `ADUANA_TRUST_DOMAIN`; optional are `ADUANA_STS_ISSUER`, `ADUANA_PEERS` (SPIFFE IDs between commas) and
 * `ADUANA_AUTHORIZATION_MODE`. No other variable is read; an empty one counts as absent.
 *
 * @throws ConfigurationError with every problem at once
 * @example
 * const subgraph = await openSubgraph({ ...fromEnvironment(), log });
 */
export function fromEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SubgraphOptions {
  const read = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  const issuer = read(NAMES.issuer);
  const options = {
    service: read(NAMES.service) ?? '',
    certsDir: read(NAMES.certsDir) ?? '',
    stsUrl: read(NAMES.stsUrl) ?? '',
    trustDomain: read(NAMES.trustDomain) ?? '',
    ...(issuer === undefined ? {} : { issuer }),
  };
  const problems: ConfigurationProblem[] = [];
  const peers = read(PEERS)
    ?.split(',')
    .map((peer) => peer.trim());
  if (peers?.some((peer) => !/^spiffe:\/\/[^\s/]+\/\S+$/.test(peer)) === true)
    problems.push({
      subject: PEERS,
      problem: 'names what is no SPIFFE ID',
      remedy: 'List SPIFFE IDs between commas, such as spiffe://aduana.local/gateway',
    });
  const wanted = read(MODE);
  const mode = MODES.find((name) => name === wanted);
  if (wanted !== undefined && mode === undefined)
    problems.push({ subject: MODE, problem: `is none of ${MODES.join(', ')}`, remedy: 'Use one of them' });
  checkDeploymentOptions(options, problems, NAMES);
  return {
    ...options,
    ...(peers === undefined ? {} : { peers }),
    ...(mode === undefined ? {} : { mode }),
  };
}
