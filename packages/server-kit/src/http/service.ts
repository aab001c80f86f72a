import type { IncomingMessage } from 'node:http';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Platform } from '@aduana/core/platform/platform';
import { NO_TRACES } from '@aduana/core/wire/accept-trace';
import { NO_TRACER } from '@aduana/core/platform/tracer';
import type { Log } from '@aduana/core/platform/log';
import { errorResponse } from '@aduana/core/http/error-response';
import type { Health } from './health.ts';
import type { ConnectionRefusal } from '@aduana/core/mtls/connection-refusal';
import { type BodyBudget, createBodyBudget } from '@aduana/core/http/body-budget';
import { IncomingRequest } from '@aduana/core/http/incoming-request';
import { type Listener, type ListenerOptions, openListener } from './listener.ts';
import { answerRequest } from './answer-request.ts';
import { createAnswerDeadlines } from './answer-deadlines.ts';
import { createConnectionEnds } from './connection-ends.ts';
import { createPeerGate, type PeerGate } from './peer-gate.ts';
import { createQueuedResponses } from './queued-responses.ts';
import { createRequestTelemetry } from './request-telemetry.ts';
import { createRouter, holdRequests, notFound, type Router } from './router.ts';
import { createUpgrade, type HandleUpgrade } from './upgrades.ts';
import { createRunningHandlers, type RunningHandlers } from './running-handlers.ts';
import type { Route } from '@aduana/core/http/route';

export interface HttpServiceOptions {
  readonly name: string;
  readonly listeners: readonly ListenerOptions[];
  /** Plain HTTP for probes: `/health*` and nothing else. */
  readonly healthListener?: ListenerOptions;
  /** Requests that come before `serve` wait for it, where it follows at once: they are not answered by 503. */
  readonly holdUntilServed?: boolean;
  /** For how long a client may take nothing of its answer. */
  readonly longestStallMilliseconds?: number;
  /** Whether connections may be upgraded to another protocol; otherwise such a wish is left out of account. */
  readonly upgrades?: boolean;
  /** What the bodies of all requests may take together. */
  readonly bodyBytes?: number;
  readonly platform: Pick<Platform, 'log' | 'clock'> & Partial<Pick<Platform, 'metrics' | 'tracer'>>;
}

/** The same face for every service: it listens at once, answers 503 until it serves, and drains when it stops. */
export interface HttpService {
  /** The ports, in the order of `listeners`. */
  readonly ports: readonly number[];
  /**
   * Opens the routes.
   *
   * @param isRefused asked for each request of a peer, so that open connections end as well
   * @param onRefusal called for each connection that ended for its certificate
   */
  serve(
    routes: readonly Route[],
    health: () => Promise<Health>,
    isRefused: (thumbprint: string, spiffeId: string) => boolean,
    onRefusal?: (refusal: ConnectionRefusal) => void,
    onUpgrade?: HandleUpgrade,
  ): void;
  /** Lets callers decide whether their requests are traced; without it nobody does. */
  honourTraceFlags(isRegistered: (peer: PeerIdentity) => boolean): void;
  /** Whether `/health/ready` would answer 200. */
  isReady(): Promise<boolean>;
  /** Calls back when the service begins to stop: answers without an end are broken off then, not waited for. */
  onStop(task: () => void): void;
  /** `/health/ready` answers 503 from now on and answers end their connections, while the ports go on serving; idempotent. */
  drain(): void;
  /** Drains, closes the ports, and waits a bounded time for answers and for handlers whose client has left; idempotent. */
  stop(): Promise<void>;
}

/** For how long answers under way may take once the ports are closed; then their requests are aborted. */
const ANSWER_GRACE_MS = 10_000;
/** More than the longest bounded wait inside a handler. */
const HANDLER_GRACE_MS = 8_000;
const LONGEST_STALL_MS = 30_000;
const STARTING: Health = { status: 'unavailable', checks: { start: 'starting' } };
const STOPPING: Health = { status: 'unavailable', checks: { stop: 'stopping' } };

/** @throws ConfigurationError when a port cannot be had */
export async function openHttpService(options: HttpServiceOptions): Promise<HttpService> {
  const { name, platform } = options;
  const { log, clock } = platform;
  const listeners: Listener[] = [];
  const traces = { tracer: platform.tracer ?? NO_TRACER, honoursFlag: NO_TRACES.honoursFlag };
  const bodies = createBodyBudget({ clock, totalBytes: options.bodyBytes });
  const held = options.holdUntilServed === true ? holdRequests(() => router) : undefined;
  let router: Router = held?.router ?? createRouter(name, [], () => Promise.resolve(STARTING), log);
  let currentHealth = (): Promise<Health> => Promise.resolve(STARTING);
  const gate = createPeerGate(log);
  let handleUpgrade: HandleUpgrade = notReady;
  const handlers = createRunningHandlers(clock);
  const stopTasks: (() => void)[] = [];
  const ends = createConnectionEnds();
  let stopping: Promise<void> | undefined;
  const answering = {
    longestStallMilliseconds: options.longestStallMilliseconds ?? LONGEST_STALL_MS,
    deadlines: createAnswerDeadlines(clock),
    telemetry: createRequestTelemetry(platform),
    queued: createQueuedResponses(),
    endsConnection: (message: IncomingMessage) => ends.endsConnection(message),
  };

  const open = async (listener: ListenerOptions): Promise<void> => {
    const opened: Listener = await openListener(
      listener,
      clock,
      (message, response) => {
        const peer = opened.peerOf(message.socket);
        if (gate.ends(message, peer, opened)) return;
        const request = new IncomingRequest(message, response, peer, bodies, traces);
        const route = isServed(request.path, listener) ? router : notFound;
        handlers.track(answerRequest(route, request, message, response, answering));
      },
      gate.refuse,
    );
    if (options.upgrades === true && listener.paths === undefined)
      followUpgrades(opened, gate, handlers, bodies, (upgrade) => handleUpgrade(upgrade));
    listeners.push(opened);
  };

  await openAll(options, listeners, open);
  return {
    ports: listeners.slice(0, options.listeners.length).map(({ port }) => port),
    serve(routes, health, isRefused, onRefusal, onUpgrade) {
      handleUpgrade = onUpgrade ?? handleUpgrade;
      gate.follow(isRefused, onRefusal);
      currentHealth = async () => (ends.isDraining ? STOPPING : ends.note(await health()));
      router = createRouter(name, routes, currentHealth, log);
      held?.release();
    },
    honourTraceFlags: (isRegistered) => void (traces.honoursFlag = isRegistered),
    isReady: async () => (await currentHealth()).status !== 'unavailable',
    onStop: (task) => void stopTasks.push(task),
    drain: ends.drain,
    stop() {
      ends.stop();
      return (stopping ??= stopAll(listeners, handlers, log, stopTasks));
    },
  };
}

/** Hands on the upgrades of peers whose certificate still counts. */
function followUpgrades(
  listener: Listener,
  gate: PeerGate,
  handlers: RunningHandlers,
  bodies: BodyBudget,
  handle: HandleUpgrade,
): void {
  listener.onUpgrade((message, socket, head) => {
    const peer = listener.peerOf(message.socket);
    if (!gate.ends(message, peer, listener))
      handlers.track(handle(createUpgrade(message, socket, head, peer, bodies)));
  });
}

/** Opens all listeners, or none. */
async function openAll(
  { listeners, healthListener }: HttpServiceOptions,
  opened: readonly Listener[],
  open: (listener: ListenerOptions) => Promise<void>,
): Promise<void> {
  try {
    for (const listener of listeners) await open(listener);
    if (healthListener !== undefined) await open({ ...healthListener, paths: ['/health'] });
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.stop(0)));
    throw error;
  }
}

const notReady: HandleUpgrade = (upgrade) => {
  upgrade.refuse(errorResponse(new SecurityError('NOT_READY')));
  return Promise.resolve();
};

async function stopAll(
  listeners: readonly Listener[],
  handlers: RunningHandlers,
  log: Log,
  tasks: readonly (() => void)[],
): Promise<void> {
  for (const task of tasks) task();
  await Promise.all(listeners.map((listener) => listener.stop(ANSWER_GRACE_MS)));
  const left = await handlers.settle(HANDLER_GRACE_MS);
  if (left > 0) log.warn('requests were given up, as they did not end in time', { count: left });
}

function isServed(path: string, { paths }: ListenerOptions): boolean {
  return paths?.some((beginning) => path.startsWith(beginning)) ?? true;
}
