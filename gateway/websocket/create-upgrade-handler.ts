import { type WebSocket, WebSocketServer } from 'ws';
import { SecurityError } from '@aduana/core/errors/security-error';
import { checkBrowserRules } from '@aduana/core/http/browser-rules';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest } from '@aduana/core/http/route';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { HandleUpgrade, Upgrade } from '@aduana/server-kit/http/upgrades';
import { noteCaller, noteFailure, openRequestAudit, type RequestAudit } from '../audit/request-audit.ts';
import { authenticate } from '../authenticate/authenticate.ts';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import type { StreamLimits } from '../limits/stream-limits.ts';
import type { Caller, Delegated } from '../stages.ts';
import { type ConnectionAdmission, createConnectionAdmission, recordConnection } from './admit-connection.ts';
import { Connection } from './connection.ts';
import { MessageRoom } from './message-room.ts';
import { CLOSE } from './messages.ts';

export interface UpgradeHandlerOptions {
  readonly dependencies: HandlerDependencies;
  readonly limits: StreamLimits;
  readonly heartbeatMs: number;
}

/** Whom an upgrade belongs to, and how its place among the connections is given back. */
type UpgradePlace = Pick<ConnectionAdmission, 'shown' | 'leave'>;

const SUBPROTOCOL = 'graphql-transport-ws';
/** Connections whose client has not been admitted yet; beyond it the oldest silent one makes room. */
const MOST_UNADMITTED = 1_000;
/** For how long a connection that is closed may wait for its client. */
const LAST_WORDS_MS = 2_000;
/** Clients send a large message in parts of many kilobytes, if in parts at all. */
const MOST_FRAGMENTS = 1_024;
const MOST_PAYLOAD_BYTES = 2 ** 31 - 1;

/** WebSocket on `/graphql`: the rules of a request hold for the upgrade, and it leaves one audit event as well. */
export function createUpgradeHandler(options: UpgradeHandlerOptions): HandleUpgrade {
  const { dependencies, limits, heartbeatMs } = options;
  const serverOptions = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    closeTimeout: LAST_WORDS_MS, // which the types do not know
    maxPayload: Math.min(dependencies.limits.bodyBytes, MOST_PAYLOAD_BYTES),
    maxFragments: MOST_FRAGMENTS,
    // A client whose own choice is not answered would not read why the connection is closed.
    handleProtocols: (offered: ReadonlySet<string>) =>
      offered.has(SUBPROTOCOL) ? SUBPROTOCOL : ([...offered][0] ?? false),
  };
  const server = new WebSocketServer(serverOptions);
  const unadmitted = new Set<Connection>();

  const open = async (upgrade: Upgrade, requestAudit: RequestAudit, place: UpgradePlace): Promise<void> => {
    const { request } = upgrade;
    const { shown, leave } = place;
    const socket = await accept(server, upgrade);
    if (socket.protocol !== SUBPROTOCOL) {
      socket.once('close', leave);
      refuseSubprotocol(socket, upgrade, requestAudit, dependencies);
      return;
    }
    const onSettle = (): void => void unadmitted.delete(connection);
    const parts = { request, requestAudit, shown, leave, dependencies, limits, onSettle };
    const connection: Connection = new Connection({
      socket,
      stream: upgrade.socket,
      bodies: upgrade.bodies,
      request,
      shown,
      dependencies,
      heartbeatMs,
      admission: createConnectionAdmission(parts),
    });
    if (shown === undefined) unadmitted.add(connection);
  };

  return async (upgrade) => {
    const requestAudit = openRequestAudit(uuidv7(dependencies.platform.clock.now()));
    let leave = (): void => undefined;
    try {
      checkUpgrade(upgrade.request, dependencies);
      const shown = await admitUpgrade(upgrade.request, dependencies);
      if (shown === undefined) makeRoom(unadmitted);
      else leave = takePlace(shown.caller, requestAudit, limits);
      await open(upgrade, requestAudit, { shown, leave });
    } catch (error) {
      leave();
      await refuse(upgrade, requestAudit, error, dependencies);
    }
  };
}

/** For the caller that the upgrade shows: its silent connections count as any other. */
function takePlace(caller: Caller, requestAudit: RequestAudit, limits: StreamLimits): () => void {
  try {
    return limits.connect(caller);
  } catch (error) {
    noteCaller(requestAudit, caller);
    throw error;
  }
}

/** Nobody keeps others out by connections over which nothing is said. */
function makeRoom(unadmitted: ReadonlySet<Connection>): void {
  if (unadmitted.size < MOST_UNADMITTED) return;
  for (const connection of unadmitted) if (connection.giveWay()) return;
  throw new SecurityError('OVERLOADED', { retryAfterSeconds: 1 });
}

function checkUpgrade(request: ServiceRequest, { browser, streams }: HandlerDependencies): void {
  if (request.path !== '/graphql') throw new SecurityError('NOT_FOUND');
  checkBrowserRules(request, browser);
  if (request.method !== 'GET') throw new SecurityError('METHOD_NOT_ALLOWED');
  if (streams.supervisor.isDraining) throw new SecurityError('NOT_READY');
}

/** Credentials of the upgrade itself are judged at once; undefined where there are none yet. */
async function admitUpgrade(
  request: ServiceRequest,
  dependencies: HandlerDependencies,
): Promise<Delegated | undefined> {
  if (request.headers.authorization === undefined) return undefined;
  return dependencies.exchange(authenticate(request), request);
}

function accept(server: WebSocketServer, { message, socket, head }: Upgrade): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const fail = (): void => {
      reject(new SecurityError('BAD_REQUEST', { detail: 'no WebSocket' }));
    };
    socket.once('close', fail);
    if (!socket.destroyed) server.handleUpgrade(message, socket, head, resolve);
    if (socket.destroyed) fail();
  });
}

function refuseSubprotocol(
  socket: WebSocket,
  { socket: stream, bodies, request }: Upgrade,
  requestAudit: RequestAudit,
  dependencies: HandlerDependencies,
): void {
  noteFailure(requestAudit, new SecurityError('BAD_REQUEST', { detail: 'another subprotocol' }));
  void recordConnection(requestAudit, request, dependencies).catch(() => undefined);
  socket.on('error', () => undefined);
  socket.close(...CLOSE.subprotocol);
  new MessageRoom({
    socket,
    stream,
    bodies,
    messageBytes: 0,
    owner: () => undefined,
    onRefuse: () => undefined,
  });
}

async function refuse(
  upgrade: Upgrade,
  requestAudit: RequestAudit,
  error: unknown,
  dependencies: HandlerDependencies,
): Promise<void> {
  const known = toSecurityError(error);
  noteFailure(requestAudit, known);
  let response = graphqlErrorResponse(known);
  let auditId = requestAudit.id;
  try {
    auditId = await recordConnection(requestAudit, upgrade.request, dependencies);
  } catch (failure) {
    const { log } = dependencies.platform;
    log.error('an upgrade could not be recorded', { error: describeError(failure) });
    response = graphqlErrorResponse(toSecurityError(failure));
  }
  upgrade.refuse({ ...response, headers: { ...response.headers, 'audit-id': auditId } });
}
