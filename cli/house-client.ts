import {
  createSecureClient,
  type SecureClient,
  type SecureResponse,
} from '@aduana/core/client/secure-client';
import type { Environment } from '@aduana/core/config/load-config';
import { loadConfig } from '@aduana/core/config/load-config';
import { SecurityError } from '@aduana/core/errors/security-error';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { GATEWAY_SETTINGS, type GatewaySettings } from '../gateway/config.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { readAddresses } from './addresses.ts';

/** A command's connection to the running house, as one of its services: its certificate is the credential. */
export interface HouseClient {
  readonly settings: GatewaySettings;
  readonly client: SecureClient;
  readonly gatewayOrigin: string;
  /** One GraphQL request to the gateway. */
  graphql(document: string, variables?: Readonly<Record<string, unknown>>): Promise<GraphqlAnswer>;
  close(): Promise<void>;
}

export interface GraphqlAnswer {
  readonly status: number;
  readonly auditId: string | undefined;
  readonly body: {
    readonly data?: Readonly<Record<string, unknown>> | null;
    readonly errors?: readonly {
      readonly message: string;
      readonly path?: readonly (string | number)[];
      readonly extensions?: Readonly<Record<string, unknown>>;
    }[];
  };
}

const TIMEOUT_MS = 35_000;
const ANSWER_BYTES = 67_108_864;

/** The variables as a running house has them: ports that the system chose are read from the home folder. */
export async function runningSettings(environment: Environment): Promise<GatewaySettings> {
  const settings = loadConfig(GATEWAY_SETTINGS, environment);
  return { ...settings, ...(await readAddresses(settings.ADUANA_HOME)) };
}

/** @throws ConfigurationError when the certificate of `service` cannot be used */
export async function openHouseClient(service: string, context: CommandContext): Promise<HouseClient> {
  const { clock, log, environment } = context;
  const settings = await runningSettings(environment);
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
    failureCode: 'SUBGRAPH_UNAVAILABLE',
  });
  return {
    settings,
    client,
    gatewayOrigin,
    async graphql(document, variables = {}) {
      const answer = await gateway
        .request({
          method: 'POST',
          path: '/graphql',
          headers: {
            'content-type': 'application/json',
            accept: 'application/graphql-response+json, application/json',
          },
          body: JSON.stringify({ query: document, variables }),
          timeoutMilliseconds: TIMEOUT_MS,
          maxResponseBytes: ANSWER_BYTES,
        })
        .catch((error: unknown) => {
          throw unreachable(error, gatewayOrigin);
        });
      return readAnswer(answer);
    },
    async close() {
      await client.close();
      await identity.stop();
    },
  };
}

function unreachable(error: unknown, origin: string): CommandFailure {
  const detail = error instanceof SecurityError ? (error.detail ?? error.message) : String(error);
  return new CommandFailure(
    1,
    `The gateway at ${origin} does not answer: ${detail}\n  -> Start it with: npm start`,
  );
}

function readAnswer({ status, headers, body }: SecureResponse): GraphqlAnswer {
  const auditId = headers['audit-id'];
  return {
    status,
    auditId: typeof auditId === 'string' ? auditId : undefined,
    body: JSON.parse(body.toString('utf8')) as GraphqlAnswer['body'],
  };
}
