import { isPeerRefused } from '@aduana/core/status/is-peer-refused';
import type { IncomingMessage } from 'node:http';
import type { Server, TlsOptions, TLSSocket } from 'node:tls';
import type { GraphQLSchema } from 'graphql';
import { createKnownPeers, type KnownPeers } from '@aduana/core/mtls/known-peers';
import { serverTlsOptions } from '@aduana/core/mtls/tls-options';
import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Tracer } from '@aduana/core/platform/tracer';
import { openDeployment, type OpenDeploymentOptions } from '@aduana/core/sts-connection/open-deployment';
import type { StsConnection } from '@aduana/core/sts-connection/open-sts-connection';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import { type GuardOptions, guardSchema } from './graphql/guard-schema.ts';
import { type Admission, createAdmission, type OpenAdmission } from './http/admission.ts';

/** Which deployment a subgraph belongs to, whom it admits, and how strict its guard is. */
export interface SubgraphOptions extends OpenDeploymentOptions {
  /** SPIFFE IDs of the clients that may call; default: the gateway of the trust domain. */
  readonly peers?: readonly string[];
  /** Starts the spans of requests, for example with OpenTelemetry's SDK; default: nothing is traced. */
  readonly tracer?: Tracer;
  /** `dry_run`: the guard refuses nothing but `_service`. Default `filter`. */
  readonly mode?: NonNullable<GuardOptions['mode']>;
  /** What happens to a field that no directive guards (default `authenticated`). */
  readonly unguardedFields?: NonNullable<GuardOptions['unguardedFields']>;
  /**
   * `request`: the handshake also passes without a client certificate, so that the server can answer probes itself;
   * `admit` refuses such requests. Default `require`.
   */
  readonly clientCertificates?: 'require' | 'request';
}

/** What makes a GraphQL server a subgraph that trusts no network. */
export interface ProtectedSubgraph extends Admission {
  /** For `https.createServer`: TLS 1.3 with client certificates. */
  readonly tls: TlsOptions;
  /**
   * Gives the server each renewed certificate, and ends connections whose client certificate does not verify.
   * Undone when the subgraph is closed.
   */
  attach(server: Server): void;
  /**
   * Puts the directives of the SDL in force, see `guardSchema`.
   *
   * @throws SecurityError `SUPERGRAPH_INVALID` for an SDL whose directives cannot be read
   */
  guard(schema: GraphQLSchema, sdl: string): GraphQLSchema;
  /**
   * The context that the guard reads.
   *
   * @throws SecurityError `UNAUTHENTICATED` for a request that was not admitted
   */
  context(request: IncomingMessage): { readonly token: VerifiedToken };
  /** Whether the status feed has been read lately, so that revocations are known; until then every request is refused. */
  isReady(): boolean;
  /**
   * Stops following the status feed and the certificate files, and closes the connection to the STS. Close your server
   * first: afterwards a stream that is still open is no longer ended by a revocation.
   */
  close(): Promise<void>;
}

/**
 * Opens what a subgraph needs of its deployment: its certificate, the keys of the STS and what is revoked. It reads no
 * environment and needs no database; the STS need not be there yet.
 *
 * @throws ConfigurationError with every problem of the options, or of the certificate files, at once
 * @example
 * const subgraph = await openSubgraph({
 *   service: 'orders',
 *   certsDir: 'certs/dev',
 *   stsUrl: 'https://localhost:8011/sts/token',
 *   trustDomain: 'aduana.local',
 * });
 * const schema = subgraph.guard(buildSubgraphSchema({ typeDefs: parse(sdl), resolvers }), sdl);
 * const server = createServer(subgraph.tls, admitNodeHttp(subgraph, createHandler({ schema })));
 * subgraph.attach(server);
 */
export async function openSubgraph(options: SubgraphOptions): Promise<ProtectedSubgraph> {
  const { trustDomain, mode, unguardedFields, clientCertificates = 'require' } = options;
  const deployment = await openDeployment(options, { acceptsConnections: true });
  const { clock, log, identity, connection } = deployment;
  const known = createKnownPeers({ trustDomain, clock, authorities: () => identity.current().authorities });
  const admission = openAdmission(options, connection, known, clock);
  const tls = () => serverTlsOptions(identity.current(), { clientCertificates, minVersion: 'TLSv1.3' });
  const detach: (() => void)[] = [];
  return {
    admit: (request, response) => admission.admit(request, response),
    admitUpgrade: (request, socket) => admission.admitUpgrade(request, socket),
    tokenOf: (request) => admission.tokenOf(request),
    traceOf: (request) => admission.traceOf(request),
    tls: tls(),
    attach(server) {
      const endUnverified = (socket: TLSSocket) => {
        endUnlessVerified(socket, known, log);
      };
      server.prependListener('secureConnection', endUnverified);
      const stopRenewing = identity.onChange(() => {
        server.setSecureContext(tls());
      });
      detach.push(stopRenewing, () => server.off('secureConnection', endUnverified));
    },
    guard: (schema, sdl) =>
      guardSchema(schema, sdl, {
        ...(mode === undefined ? {} : { mode }),
        ...(unguardedFields === undefined ? {} : { unguardedFields }),
      }),
    context: (request) => ({ token: admission.tokenOf(request) }),
    isReady: () => connection.status.fresh,
    async close() {
      for (const undo of detach.splice(0)) undo();
      admission.close();
      await deployment.close();
    },
  };
}

function openAdmission(
  { service, trustDomain, tracer, peers = [`spiffe://${trustDomain}/gateway`] }: SubgraphOptions,
  { status, verifier }: StsConnection,
  known: KnownPeers,
  clock: Clock,
): OpenAdmission {
  return createAdmission({
    peers: new Set(peers),
    known,
    verify: verifier(service),
    isRefused: (...peer) => isPeerRefused(status, ...peer),
    isEnded: (token) => refusedByStatus(token, status) !== undefined,
    assertFresh: () => {
      status.assertFresh();
    },
    clock,
    onStatusChange: (listener) => status.onChange(listener),
    tracer,
  });
}

function endUnlessVerified(socket: TLSSocket, known: KnownPeers, log: Log): void {
  try {
    known.read(socket);
  } catch (error) {
    log.warn('a connection was refused', { error: describeError(error) });
    socket.destroy();
  }
}
