import type { ConfigurationProblem } from '../errors/configuration-error.ts';
import { loadTlsIdentity } from '../mtls/load-tls-identity.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import { type Clock, createSystemClock } from '../platform/clock.ts';
import { createJsonLog } from '../platform/json-log.ts';
import type { Log } from '../platform/log.ts';
import { checkDeploymentOptions, type DeploymentOptions } from './deployment-options.ts';
import { openStsConnection, type StsConnection } from './open-sts-connection.ts';

/** A deployment, and how to report on it. */
export interface OpenDeploymentOptions extends DeploymentOptions {
  /** Default: one JSON line for each entry, to standard error. */
  readonly log?: Log;
  /** Calls back when the status feed may have changed, and returns what ends that; default: polling every 2.5 s. */
  readonly wake?: (listener: () => void) => () => void;
}

/** What each member of a deployment has: a certificate and a connection to the STS. */
export interface OpenDeployment {
  readonly clock: Clock;
  readonly log: Log;
  readonly identity: TlsIdentity;
  readonly connection: StsConnection;
  /** Closes the connection, and then stops reading the certificate. */
  close(): Promise<void>;
}

/**
 * Loads the service's certificate and opens its connection to the STS, which need not be there yet.
 *
 * @param acceptsConnections whether others connect to this service, so that its certificate must be one for servers
 * @param problems of options that the caller has checked itself
 * @throws ConfigurationError with every problem of the options, or of the certificate files, at once
 * @example
 * const deployment = await openDeployment(options, { acceptsConnections: true });
 * const verify = deployment.connection.verifier('orders');
 */
export async function openDeployment(
  options: OpenDeploymentOptions,
  {
    acceptsConnections,
    problems,
  }: { readonly acceptsConnections: boolean; readonly problems?: readonly ConfigurationProblem[] },
): Promise<OpenDeployment> {
  const { service, certsDir, trustDomain, wake } = options;
  const { tokenUrl, issuer } = checkDeploymentOptions(options, problems);
  const clock = createSystemClock();
  const log =
    options.log ?? createJsonLog({ clock, write: (line) => process.stderr.write(line) }).child({ service });
  const identity = await loadTlsIdentity({ certsDir, service, trustDomain, acceptsConnections, clock, log });
  const connection = openStsConnection({
    tokenUrl,
    issuer,
    trustDomain,
    identity,
    clock,
    log,
    ...(wake === undefined ? {} : { wake }),
  });
  return {
    clock,
    log,
    identity,
    connection,
    async close() {
      await connection.close();
      await identity.stop();
    },
  };
}
