import type { IncomingMessage } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { GraphQLSchema } from 'graphql';
import { createInProcessBus } from '../bus/in-process-bus.ts';
import { createRedisBus } from '../bus/redis-bus.ts';
import { openHouseLine } from '../client/house-line.ts';
import { HOUSE_SETTINGS } from '../config/house-settings.ts';
import { type Environment, loadConfig } from '../config/load-config.ts';
import { guardSchema } from '../graphql/guard.ts';
import { type Admission, createAdmission } from '../http/admission.ts';
import { loadTlsIdentity } from '../mtls/load-tls-identity.ts';
import { serverTlsOptions } from '../mtls/tls-options.ts';
import { createSystemClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { VerifiedToken } from '../tokens/access-token.ts';

export interface SubgraphOptions {
  /** Its id in service_identities.yaml, which is also its audience and the name of its certificate. */
  readonly service: string;
  /** `process.env`: CERTS_DIR, STS_URL, TRUST_DOMAIN and the others of every service. */
  readonly environment: Environment;
  /** SPIFFE IDs of those who may ask; the house's gateway where it is not given. */
  readonly peers?: readonly string[];
}

/** What makes any GraphQL server a subgraph that trusts nobody. */
export interface ProtectedSubgraph extends Admission {
  /** For `https.createServer`: mTLS is demanded, TLS 1.3 spoken. */
  readonly tls: TlsOptions;
  /** Tells the server of a renewed certificate; give it the server's `setSecureContext`. */
  onRenewal(apply: (options: TlsOptions) => void): void;
  /** Puts the directives of the SDL in force; `refuseIntrospection` belongs among the server's validation rules. */
  guard(schema: GraphQLSchema, sdl: string): GraphQLSchema;
  /** The context that the guard reads. */
  context(request: IncomingMessage): { readonly token: VerifiedToken };
  /** Whether keys and revocations are known: before, every request is refused. */
  isReady(): boolean;
  close(): Promise<void>;
}

const REDIS_PREFIX = 'aduana:';

/**
 * Opens a subgraph's lines to the house: its certificate, the STS's keys, and what is revoked.
 *
 * @throws ConfigurationError with every problem at once
 */
export async function openSubgraph({
  service,
  environment,
  peers,
}: SubgraphOptions): Promise<ProtectedSubgraph> {
  const settings = loadConfig(HOUSE_SETTINGS, environment);
  const { CERTS_DIR, TRUST_DOMAIN, AUTHORIZATION_MODE, LOG_LEVEL, REDIS_URL } = settings;
  const clock = createSystemClock();
  const log = createLog(LOG_LEVEL, (line) => process.stderr.write(line)).child({ service });
  const identity = await loadTlsIdentity({
    certsDir: CERTS_DIR,
    service,
    trustDomain: TRUST_DOMAIN,
    clock,
    log,
  });
  const bus = REDIS_URL === undefined ? createInProcessBus() : createRedisBus(REDIS_URL, REDIS_PREFIX, log);
  const platform = { clock, log, metrics: createMetrics(), bus, identity };
  const line = openHouseLine({ service, settings, platform });
  const admission = createAdmission({
    peers: new Set(peers ?? [`spiffe://${TRUST_DOMAIN}/gateway`]),
    trustDomain: TRUST_DOMAIN,
    verify: line.verifier(service),
    isCertificateRevoked: (thumbprint) => line.status.isCertificateRevoked(thumbprint),
    authorities: () => identity.current().authorities,
    clock,
  });
  const tls = () =>
    serverTlsOptions(identity.current(), { clientCertificates: 'require', minVersion: 'TLSv1.3' });
  return {
    ...admission,
    tls: tls(),
    onRenewal: (apply) => {
      identity.onChange(() => {
        apply(tls());
      });
    },
    guard: (schema, sdl) => guardSchema(schema, sdl, { mode: AUTHORIZATION_MODE }),
    context: (request) => ({ token: admission.tokenOf(request) }),
    isReady: () => line.status.fresh,
    async close() {
      await line.close();
      await identity.stop();
      await bus.close();
    },
  };
}
