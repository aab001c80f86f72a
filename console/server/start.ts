import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Route } from '@aduana/core/http/route';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { describeError } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { Secret } from '@aduana/core/secrets/secret';
import { createRefusalRecorder } from '@aduana/server-kit/audit/refusal-recorder';
import { gatewayOrigin } from '@aduana/server-kit/config/client-settings';
import { openAuditConnection } from '@aduana/server-kit/connections/audit-connection';
import {
  openServiceConnections,
  type ServiceConnections,
} from '@aduana/server-kit/connections/service-connections';
import type { ListenerOptions } from '@aduana/server-kit/http/listener';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { healthListener } from '@aduana/server-kit/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { closeIt, startInScope, stopIt } from '@aduana/server-kit/platform/disposal-scope';
import { createCallerGateway } from './caller-gateway.ts';
import type { ConsoleSettings } from './config.ts';
import { createConsoleRoute } from './console-route.ts';
import { createDataRoutes } from './data-routes.ts';
import { createLinkRoutes } from './link-routes.ts';
import { createLogin } from './login.ts';
import { LOGIN_PORT_FILE } from './login-port.ts';
import type { OidcLogin } from './oidc-login.ts';
import { createOidcRoutes } from './oidc-routes.ts';
import { createOneTimeLinks } from './one-time-links.ts';
import { createPageRoutes } from './page-routes.ts';
import { createRequireSession } from './require-session.ts';
import { createSessionRecords, type SessionRecords } from './session-records.ts';
import { createSessionRoutes } from './session-routes.ts';
import { createSessionStore, type SessionStore } from './session-store.ts';
import { createStreamRoute, MOST_STREAMS } from './stream-route.ts';
import { readWebFiles } from './web-files.ts';

export interface ConsolePlatform extends ServicePlatform {
  /** Where the built pages are; default: beside the compiled server. */
  readonly pagesFolder?: string;
}

const SWEEP_MS = 1_000;

/** The composition root of the console. */
export async function startConsole(
  settings: ConsoleSettings,
  platform: ConsolePlatform,
): Promise<RunningService> {
  return startInScope(async (scope) => {
    const isPlain = servesPlain(settings);
    const http = scope.add(
      await openHttpService({
        name: 'console',
        listeners: listenersOf(settings, platform, isPlain),
        ...healthListener(settings),
        platform,
      }),
      stopIt,
    );
    const connectionOptions = { service: 'console', settings, platform };
    const connections = scope.add(openServiceConnections(connectionOptions), closeIt);
    const { audit, close } = await openAuditConnection(connections, connectionOptions);
    scope.add(close, (end) => end());
    const records = scope.add(createSessionRecords(audit, platform), (opened) => opened.flush());
    const sessions = scope.add(openSessions(settings, platform, connections, records), (opened) => {
      opened.endAll('stopped');
    });
    http.onStop(() => {
      sessions.endAll('stopped');
    });
    scope.add(sweepSessions(sessions, connections, platform), (end) => end());
    const origin = originOf(http, isPlain);
    const parts = { connections, sessions, records, origin };
    http.serve(
      await createRoutes(settings, platform, parts),
      () =>
        Promise.resolve({
          status: !connections.status.fresh ? 'unavailable' : audit.state === 'ok' ? 'ok' : 'degraded',
          checks: { ...connections.check(), audit: audit.state },
        }),
      (thumbprint) => connections.status.isCertificateRevoked(thumbprint),
      createRefusalRecorder(audit, platform),
    );
    const portFile = join(settings.ADUANA_HOME, LOGIN_PORT_FILE);
    await writeFileAtomically(portFile, JSON.stringify({ port: http.ports[1] }), 0o600);
    scope.add(portFile, (file) => rm(file, { force: true }));
    scope.add(http, stopIt);
    return {
      name: 'console',
      url: origin,
      isReady: () => http.isReady(),
      drain: () => {
        http.drain();
      },
      stop: () => scope.close(),
    };
  });
}

/**
 * Looks through the sessions at each change of the status feed, and each second.
 *
 * @returns what ends that
 */
function sweepSessions(
  sessions: SessionStore,
  { status }: ServiceConnections,
  { clock, log }: ConsolePlatform,
): () => Promise<void> {
  const sweep = (): void => {
    sessions.sweep();
  };
  const unsubscribe = status.onChange(sweep);
  const loop = every(
    clock,
    () => SWEEP_MS,
    async () => Promise.resolve().then(sweep),
    (error) => {
      log.error('sessions could not be looked through', { error: describeError(error) });
    },
  );
  return async () => {
    unsubscribe();
    await loop.stop();
  };
}

/** Plain HTTP on loopback where the gateway offers it too; TLS everywhere else. */
function servesPlain({ BIND_ADDRESS, GATEWAY_HTTP_PORT }: ConsoleSettings): boolean {
  return GATEWAY_HTTP_PORT !== 'off' && ['127.0.0.1', '::1', 'localhost'].includes(BIND_ADDRESS);
}

/** The pages' listener, and one on loopback for the command line, which shows its certificate there. */
function listenersOf(
  settings: ConsoleSettings,
  { identity }: ConsolePlatform,
  isPlain: boolean,
): readonly ListenerOptions[] {
  const { CONSOLE_PORT: port, BIND_ADDRESS: address, TRUST_DOMAIN: trustDomain } = settings;
  if (port === 'off')
    throw new ConfigurationError([
      {
        subject: 'CONSOLE_PORT',
        problem: 'is off',
        remedy: 'Set it to a port, such as 8090, or start no console',
      },
    ]);
  const clientCertificates = settings.MTLS_MODE === 'strict' ? 'require' : 'request';
  const { PROXY_PROTOCOL_FROM: balancers } = settings;
  const tls = { identity, trustDomain, clientCertificates, minVersion: 'TLSv1.2', balancers } as const;
  return [
    { address, port, tls: isPlain ? undefined : tls },
    {
      address: '127.0.0.1',
      port: 0,
      tls: { identity, trustDomain, clientCertificates: 'require', minVersion: 'TLSv1.3' },
    },
  ];
}

function originOf({ ports: [port] }: HttpService, isPlain: boolean): string {
  return `${isPlain ? 'http' : 'https'}://localhost:${String(port)}`;
}

function openSessions(
  settings: ConsoleSettings,
  { clock, log }: ConsolePlatform,
  { status }: ServiceConnections,
  records: SessionRecords,
): SessionStore {
  return createSessionStore({
    clock,
    status,
    idleMilliseconds: settings.CONSOLE_SESSION_IDLE,
    limitMilliseconds: settings.CONSOLE_SESSION_LIMIT,
    onEnd(session, why) {
      log.info('a session has ended', { session: session.id, reason: why });
      records.closed(session, why);
    },
  });
}

interface RouteParts {
  readonly connections: ServiceConnections;
  readonly sessions: SessionStore;
  readonly records: SessionRecords;
  readonly origin: string;
}

async function createRoutes(
  settings: ConsoleSettings,
  platform: ConsolePlatform,
  { connections, sessions, records, origin }: RouteParts,
): Promise<readonly Route[]> {
  const { clock, pagesFolder = fileURLToPath(new URL('../web/', import.meta.url)) } = platform;
  const peer = {
    origin: gatewayOrigin(settings),
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  } as const;
  const streams = connections.client.peer({ ...peer, maxConnections: MOST_STREAMS });
  const gateway = createCallerGateway(connections.client.peer(peer), streams, connections.sts);
  const route = createConsoleRoute({ publicHosts: settings.PUBLIC_HOSTS, allowedOrigins: [] }, records);
  const requireSession = createRequireSession(sessions, connections.status, records);
  const login = createLogin(gateway, sessions, records);
  const oidc = await openOidcLogin(settings, clock);
  const shared = { route, sessions, requireSession, gateway };
  return [
    ...createPageRoutes({ route, requireSession, files: await readWebFiles(pagesFolder) }),
    ...createSessionRoutes({ ...shared, oidc: oidc !== undefined }),
    ...createOidcRoutes({ route, oidc, login, records, log: platform.log }),
    ...createLinkRoutes({
      ...{ route, login, records, origin },
      links: createOneTimeLinks(clock),
      verify: connections.verifier('console'),
    }),
    ...createDataRoutes(shared),
    createStreamRoute({ ...shared, platform }),
  ];
}

/** @throws ConfigurationError where a part of the settings is missing */
async function openOidcLogin(
  {
    CONSOLE_OIDC_ISSUER: issuer,
    CONSOLE_OIDC_CLIENT_ID: clientId,
    CONSOLE_OIDC_CLIENT_SECRET: secret,
  }: ConsoleSettings,
  clock: Clock,
): Promise<OidcLogin | undefined> {
  if (issuer === undefined) return undefined;
  if (clientId === undefined)
    throw new ConfigurationError([
      {
        subject: 'CONSOLE_OIDC_CLIENT_ID',
        problem: 'is missing beside CONSOLE_OIDC_ISSUER',
        remedy: 'Set it to the client id that the provider has for the console',
      },
    ]);
  const { createOidcLogin } = await import('./oidc-login.ts');
  const clientSecret = secret === undefined ? undefined : Secret.of(secret);
  return createOidcLogin({ issuer, clientId, clientSecret }, clock);
}
