import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { SecurityError } from '../errors/security-error.ts';
import type { Platform } from '../platform/platform.ts';
import { describeError, type Log } from '../platform/log.ts';
import { errorResponse, toSecurityError } from './error-response.ts';
import { type Health, healthResponse } from './health.ts';
import { type ConnectionRefusal, describeRefusal } from '../mtls/connection-refusal.ts';
import { IncomingRequest } from './incoming-request.ts';
import { type Listener, type ListenerOptions, openListener } from './listener.ts';
import type { Route, ServiceRequest, ServiceResponse } from './route.ts';

export interface HttpServiceOptions {
  readonly name: string;
  readonly listeners: readonly ListenerOptions[];
  /** Plain HTTP for probes: `/health*` and nothing else. */
  readonly healthListener?: ListenerOptions;
  /** For how long a client may take nothing of its answer. */
  readonly longestStallMilliseconds?: number;
  readonly platform: Pick<Platform, 'log' | 'clock'>;
}

/** The same face for every service: it listens at once, answers 503 until it serves, and drains when it stops. */
export interface HttpService {
  /** The ports, in the order of `listeners`. */
  readonly ports: readonly number[];
  /**
   * Opens the routes.
   *
   * @param isCertificateRevoked asked for each request, so that open connections end as well
   * @param onRefusal told of each connection that ended for its certificate
   */
  serve(
    routes: readonly Route[],
    health: () => Promise<Health>,
    isCertificateRevoked: (thumbprint: string) => boolean,
    onRefusal?: (refusal: ConnectionRefusal) => void,
  ): void;
  /** Whether `/health/ready` would answer 200. */
  isReady(): Promise<boolean>;
  /** Ends what `/health/ready` promised, so that load balancers look elsewhere; idempotent. */
  stop(): Promise<void>;
}

const DRAIN_MS = 10_000;
const LONGEST_STALL_MS = 30_000;
/** What may still come of a refused body, so that a client that sends before it listens gets its answer. */
const DUMP_LIMIT_BYTES = 16_777_216;
const STARTING: Health = { status: 'unavailable', checks: { start: 'starting' } };
const STOPPING: Health = { status: 'unavailable', checks: { stop: 'stopping' } };

/** @throws ConfigurationError when a port cannot be had */
export async function openHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { name, platform: { log, clock } } = options; // prettier-ignore
  const listeners: Listener[] = [];
  let router: Router = createRouter(name, [], () => Promise.resolve(STARTING), log);
  let currentHealth = (): Promise<Health> => Promise.resolve(STARTING);
  let isRevoked: (thumbprint: string) => boolean = () => false;
  let record: (refusal: ConnectionRefusal) => void = () => undefined;
  const refuse = (refusal: ConnectionRefusal): void => {
    log.warn('a connection was refused', { ...refusal });
    record(refusal);
  };
  let stopping: Promise<void> | undefined;

  const open = async (listener: ListenerOptions, healthOnly: boolean): Promise<void> => {
    const opened: Listener = await openListener(
      listener,
      clock,
      (message, response) => {
        const peer = opened.peerOf(message.socket);
        const problem = peer && (isRevoked(peer.thumbprint) ? 'is revoked' : opened.problemOf(peer));
        if (problem !== undefined) {
          refuse(describeRefusal(`the client's certificate ${problem}`, message.socket as TLSSocket));
          message.socket.destroy();
          return;
        }
        const request = new IncomingRequest(message, response, peer);
        const route = healthOnly && !request.path.startsWith('/health') ? notFound : router;
        void answer(route, request, message, response, options.longestStallMilliseconds ?? LONGEST_STALL_MS);
      },
      refuse,
    );
    listeners.push(opened);
  };

  try {
    for (const listener of options.listeners) await open(listener, false);
    if (options.healthListener !== undefined) await open(options.healthListener, true);
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.stop(0)));
    throw error;
  }

  return {
    ports: listeners.slice(0, options.listeners.length).map(({ port }) => port),
    serve(routes, health, isCertificateRevoked, onRefusal) {
      isRevoked = isCertificateRevoked;
      record = onRefusal ?? record;
      currentHealth = () => (stopping === undefined ? health() : Promise.resolve(STOPPING));
      router = createRouter(name, routes, currentHealth, log);
    },
    isReady: async () => (await currentHealth()).status !== 'unavailable',
    stop() {
      stopping ??= Promise.all(listeners.map((listener) => listener.stop(DRAIN_MS))).then(() => undefined);
      return stopping;
    },
  };
}

type Router = (request: ServiceRequest) => Promise<ServiceResponse>;

const notFound: Router = () => Promise.resolve(errorResponse(new SecurityError('NOT_FOUND')));

function createRouter(
  name: string,
  routes: readonly Route[],
  health: () => Promise<Health>,
  log: Log,
): Router {
  const healthRoute = (path: string): Route => ({
    method: 'GET',
    path,
    handle: async () => healthResponse(name, await health()),
  });
  const live: Route = {
    method: 'GET',
    path: '/health/live',
    handle: () => Promise.resolve(healthResponse(name, { status: 'ok', checks: {} })),
  };
  const all = [...routes, healthRoute('/health'), healthRoute('/health/ready'), live];
  const exact = new Map<string, Map<string, Route>>();
  const prefixes = all.filter(({ path }) => path.endsWith('/*'));
  for (const route of all)
    exact.set(route.path, (exact.get(route.path) ?? new Map<string, Route>()).set(route.method, route));

  return async (request) => {
    try {
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      const methods = exact.get(request.path);
      const route =
        methods?.get(method) ??
        methods?.get('*') ??
        prefixes.find(({ path, method: of }) => of === method && request.path.startsWith(path.slice(0, -1)));
      if (route !== undefined) return await route.handle(request);
      if (methods !== undefined)
        return {
          ...errorResponse(new SecurityError('METHOD_NOT_ALLOWED')),
          headers: { allow: [...methods.keys()].join(', ') },
        };
      return errorResponse(new SecurityError(routes.length === 0 ? 'NOT_READY' : 'NOT_FOUND'));
    } catch (error) {
      const known = toSecurityError(error);
      const fields = { path: request.path, error: describeError(error) };
      // 503 says that something else is away, which has its own line in the log.
      if (known.status === 503) log.debug('a request could not be served', fields);
      else if (known.status >= 500) log.error('a request failed', fields);
      return errorResponse(known);
    }
  };
}

async function answer(
  router: Router,
  request: ServiceRequest,
  message: IncomingMessage,
  response: ServerResponse,
  longestStallMilliseconds: number,
) {
  const { status, headers, body } = await router(request);
  if (response.destroyed) return;
  response.setTimeout(longestStallMilliseconds);
  response.statusCode = status;
  response.setHeader('x-content-type-options', 'nosniff');
  for (const name in headers) response.setHeader(name, headers[name] as string | string[]);
  const mayBeDumped =
    message.complete || Number(message.headers['content-length'] ?? Infinity) <= DUMP_LIMIT_BYTES;
  const hasBody =
    message.headers['content-length'] !== undefined || message.headers['transfer-encoding'] !== undefined;
  if (hasBody && !mayBeDumped) response.setHeader('connection', 'close');
  const bytes = body === undefined ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  response.setHeader('content-length', bytes);
  response.end(request.method === 'HEAD' ? undefined : body);
}
