import { openStsClient } from '@aduana/client/sts/open-sts-client';
import type { StsClient } from '@aduana/client/sts/sts-client';
import type { ClientPlatform } from '@aduana/core/mtls-client/client-platform';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import { openStsConnection, type StsConnection } from '@aduana/core/sts-connection/open-sts-connection';
import { type ServiceSettings, stsIssuer, stsTokenUrl } from '../config/service-settings.ts';
import { showStatusAge } from './show-status-age.ts';
import { claimsWithin } from '../iam/claims-within.ts';
import type { Engine } from '../iam/compile.ts';

export interface ServiceConnectionsOptions {
  /** This service's id. */
  readonly service: string;
  readonly settings: ServiceSettings;
  readonly platform: ClientPlatform;
  /** The registry that limits what tokens are worth here; without it a token counts as the STS made it. */
  readonly policies?: () => Engine;
}

/** A service's connections to the rest of the deployment, all over mTLS: keys, tokens and what is revoked from the STS. */
export interface ServiceConnections extends StsConnection {
  readonly sts: StsClient;
  /** What `/health` reports of the connections: `ok`, or what is wrong. */
  check(): Readonly<Record<string, string>>;
}

/** Opens the connections as the settings say; none of the other services needs to be there yet. */
export function openServiceConnections({
  settings,
  platform,
  policies,
}: ServiceConnectionsOptions): ServiceConnections {
  const { clock, log, bus, identity } = platform;
  const connection = openStsConnection({
    tokenUrl: stsTokenUrl(settings),
    issuer: stsIssuer(settings),
    trustDomain: settings.TRUST_DOMAIN,
    identity,
    clock,
    log,
    wake: (listener) => bus.subscribe(STATUS_TOPIC, listener),
    limitClaims: policies && ((claims) => claimsWithin(policies(), claims)),
  });
  showStatusAge(platform.metrics, connection.status);
  return {
    ...connection,
    sts: openStsClient(connection, { identity, clock }),
    check: () => ({ status: connection.status.fresh ? 'ok' : 'what is revoked is not known' }),
  };
}
