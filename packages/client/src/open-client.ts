import type { OpenPeer, SecurePeerOptions } from '@aduana/core/mtls-client/secure-peer';
import type { ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { StatusReader } from '@aduana/core/status/status-reader';
import { openDeployment, type OpenDeploymentOptions } from '@aduana/core/sts-connection/open-deployment';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { openStsClient } from './sts/open-sts-client.ts';
import type { StsClient } from './sts/sts-client.ts';

/** Which deployment a client belongs to. */
export interface ClientOptions extends OpenDeploymentOptions {
  /** The gateway's TLS port, such as `https://localhost:4443`. */
  readonly gatewayUrl: string;
}

/** What a BFF or a worker needs to call the gateway, all of it over mTLS with its own certificate. */
export interface Client {
  /** For `askGateway` and `subscribeGateway`. */
  readonly gateway: OpenPeer;
  /** Access tokens, each bound to this client's certificate and cached while it is valid. */
  readonly sts: StsClient;
  /** What is revoked, as of now. */
  readonly status: StatusReader;
  /** A connection to another service of the trust domain. */
  peer(options: SecurePeerOptions): OpenPeer;
  /** The verifier of access tokens for `audience`. */
  verifier(audience: string): VerifyAccessToken;
  /** Lets calls under way finish, and closes the connections. */
  close(): Promise<void>;
}

/**
 * Opens the connections of a service that calls the gateway. Neither the STS nor the gateway need be there yet.
 *
 * @throws ConfigurationError with every problem of the options, or of the certificate files, at once
 * @example
 * const client = await openClient({
 *   service: 'bff',
 *   certsDir: 'certs/dev',
 *   stsUrl: 'https://localhost:8011/sts/token',
 *   trustDomain: 'aduana.local',
 *   gatewayUrl: 'https://localhost:4443',
 * });
 * const token = await client.sts.ownToken('gateway');
 * const { data, errors } = await askGateway(client.gateway, { document: '{ leads { company } }', token });
 */
export async function openClient(options: ClientOptions): Promise<Client> {
  const { trustDomain, gatewayUrl } = options;
  const { clock, identity, connection, close } = await openDeployment(options, {
    acceptsConnections: false,
    problems: gatewayProblems(gatewayUrl),
  });
  return {
    gateway: connection.client.peer({
      origin: new URL(gatewayUrl).origin,
      spiffeId: `spiffe://${trustDomain}/gateway`,
      failureCode: 'GATEWAY_UNAVAILABLE',
    }),
    sts: openStsClient(connection, { identity, clock }),
    status: connection.status,
    peer: (peer) => connection.client.peer(peer),
    verifier: (audience) => connection.verifier(audience),
    close,
  };
}

function gatewayProblems(gatewayUrl: unknown): readonly ConfigurationProblem[] {
  const isHttps =
    typeof gatewayUrl === 'string' && URL.canParse(gatewayUrl) && new URL(gatewayUrl).protocol === 'https:';
  if (isHttps) return [];
  const remedy = "Give the gateway's TLS port, such as https://localhost:4443";
  return [{ subject: 'gatewayUrl', problem: 'is not an https URL', remedy }];
}
