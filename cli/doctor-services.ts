import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureClient, type SecureClient } from '@aduana/core/mtls-client/secure-client';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { Clock } from '@aduana/core/platform/clock';
import { toFailures } from './doctor-files.ts';
import { type DoctorCheck, failure, fine, type Finding, warning } from './doctor-finding.ts';
import { runningSettings } from './deployment-client.ts';
import { TLS_PORT_VARIABLES } from './tls-port-variables.ts';

/** The `Date` header counts whole seconds. */
const SKEW_MILLISECONDS = 2000;

/** Which services run, whether they are ready, and whether their clocks agree with ours. */
export const checkServices: DoctorCheck = async (context) => {
  const { environment, clock, log } = context;
  const settings = await runningSettings(environment);
  const { CERTS_DIR: certsDir, TRUST_DOMAIN: trustDomain } = settings;
  if (!existsSync(join(certsDir, 'operator.crt')))
    return [
      warning('services', 'cannot be asked without the operator certificate', 'Run `npx aduana certs`'),
    ];
  try {
    const identity = await loadTlsIdentity({
      certsDir,
      service: 'operator',
      trustDomain,
      acceptsConnections: false,
      clock,
      log,
    });
    const client = createSecureClient({ identity, clock, log });
    try {
      return await Promise.all(
        Object.entries(TLS_PORT_VARIABLES).map(([service, variable]) =>
          askHealth(client, service, settings[variable], trustDomain, clock),
        ),
      );
    } finally {
      await client.close();
      await identity.stop();
    }
  } catch (error) {
    if (error instanceof ConfigurationError) return toFailures(error);
    throw error;
  }
};

async function askHealth(
  client: SecureClient,
  service: string,
  port: number | 'off',
  trustDomain: string,
  clock: Clock,
): Promise<Finding> {
  if (port === 'off') return fine(service, 'its TLS port is off');
  const origin = `https://localhost:${String(port)}`;
  const peer = client.peer({
    origin,
    spiffeId: `spiffe://${trustDomain}/${service}`,
    failureCode: 'SUBGRAPH_UNAVAILABLE',
  });
  try {
    const { status, headers, body } = await peer.request({
      method: 'GET',
      path: '/health',
      timeoutMilliseconds: 5000,
      maxResponseBytes: 65_536,
    });
    const skew = Date.parse(String(headers.date)) - clock.now();
    if (status !== 200)
      return failure(service, `is not ready: ${body.toString()}`, 'See its log, and start what it waits for');
    if (Math.abs(skew) > SKEW_MILLISECONDS)
      return warning(
        service,
        `its clock differs by ${String(Math.round(skew / 1000))} s`,
        'Run NTP on both hosts',
      );
    return fine(service, `is ready at ${origin}`);
  } catch (error) {
    const { detail = '' } = error as { detail?: string };
    return detail.includes('ECONNREFUSED')
      ? warning(service, `does not run at ${origin}`, 'Start it (`npm start`), if it should')
      : failure(service, detail, 'Check that it is this deployment that listens there, and its certificate');
  }
}
