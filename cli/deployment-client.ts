import { readdir } from 'node:fs/promises';
import { askGateway, type GatewayAnswer } from '@aduana/client/gateway/gateway-client';
import { type GatewayStream, subscribeGateway } from '@aduana/client/gateway/subscribe-gateway';
import { createSecureClient, type SecureClient } from '@aduana/core/mtls-client/secure-client';
import type { Environment } from '@aduana/server-kit/config/load-config';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { SecurityError } from '@aduana/core/errors/security-error';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { GATEWAY_SETTINGS, type GatewaySettings } from '../gateway/config.ts';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { readAddresses } from './addresses.ts';

/** A command's connection to the running deployment, as one of its services: its certificate is the credential. */
export interface DeploymentClient {
  readonly settings: GatewaySettings;
  readonly client: SecureClient;
  readonly gatewayOrigin: string;
  /** One GraphQL request to the gateway. */
  graphql(document: string, variables?: Readonly<Record<string, unknown>>): Promise<GatewayAnswer>;
  /** A subscription at the gateway. */
  subscribe(document: string, variables: Readonly<Record<string, unknown>>): Promise<GatewayStream>;
  close(): Promise<void>;
}

/** The variables as a running deployment has them: ports that the system chose are read from the home folder. */
export async function runningSettings(environment: Environment): Promise<GatewaySettings> {
  const settings = loadConfig(GATEWAY_SETTINGS, environment);
  return { ...settings, ...(await readAddresses(settings.ADUANA_HOME)) };
}

/** @throws CommandFailure where `service` has no certificate here; ConfigurationError where it cannot be used */
export async function openDeploymentClient(
  service: string,
  context: CommandContext,
): Promise<DeploymentClient> {
  const { clock, log, environment } = context;
  const settings = await runningSettings(environment);
  await expectCertificate(service, settings.CERTS_DIR);
  const identity = await loadTlsIdentity({
    certsDir: settings.CERTS_DIR,
    service,
    trustDomain: settings.TRUST_DOMAIN,
    clock,
    log,
    acceptsConnections: false,
  });
  const client = createSecureClient({ identity, clock, log });
  const gatewayOrigin =
    environment['GATEWAY_URL'] ?? `https://localhost:${String(settings.GATEWAY_TLS_PORT)}`;
  const gateway = client.peer({
    origin: gatewayOrigin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  });
  return {
    settings,
    client,
    gatewayOrigin,
    graphql: (document, variables = {}) =>
      askGateway(gateway, { document, variables }).catch((error: unknown) => {
        throw unreachable(error, gatewayOrigin);
      }),
    subscribe: (document, variables) =>
      subscribeGateway(gateway, { document, variables }).catch((error: unknown) => {
        throw unreachable(error, gatewayOrigin);
      }),
    async close() {
      await client.close();
      await identity.stop();
    },
  };
}

/** For a folder without any certificate another part of the deployment says what to do. */
async function expectCertificate(service: string, certsDir: string): Promise<void> {
  const files = await readdir(certsDir).catch(() => []);
  const there = files
    .filter((name) => name.endsWith('.crt') && name !== 'ca.crt')
    .map((name) => name.slice(0, -4));
  if (there.length === 0 || there.includes(service)) return;
  throw new CommandFailure(
    EXIT_USAGE,
    `There is no certificate for ${JSON.stringify(service)} in ${certsDir}\n  -> Use one of: ${there.sort().join(', ')}`,
  );
}

function unreachable(error: unknown, origin: string): CommandFailure {
  const detail = error instanceof SecurityError ? (error.detail ?? error.message) : String(error);
  return new CommandFailure(
    1,
    `The gateway at ${origin} does not answer: ${detail}\n  -> Start it with: npm start. If it uses other ports or folders, set the same variables here`,
  );
}
