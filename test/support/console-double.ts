import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerOf } from './console-answers.ts';
import { FIELD_PERMISSIONS, PERMISSIONS, type Role } from './console-permissions.ts';
import { openDoubleLog } from './double-log.ts';

const PAGES = fileURLToPath(new URL('../../dist/console/web', import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The console's server as the pages see it, with recorded answers: for what a real deployment cannot be made to do. */
export interface ConsoleDouble {
  readonly url: string;
  readonly log: ReturnType<typeof openDoubleLog>;
  /** Who is logged in; nobody when undefined. */
  as: Role | undefined;
  /** Parts that do not answer. */
  readonly away: Set<string>;
  /** Sends events to every open stream. */
  push(count: number): void;
  /** Bodies of `POST /graphql` so far. */
  readonly asked: readonly { readonly operationName: string; readonly variables: unknown }[];
  stop(): Promise<void>;
}

export async function startConsoleDouble(role: Role | undefined, port = 0): Promise<ConsoleDouble> {
  const log = openDoubleLog();
  const streams = new Set<ServerResponse>();
  const asked: { operationName: string; variables: unknown }[] = [];
  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });
  const double: ConsoleDouble = {
    url: '',
    log,
    as: role,
    away: new Set(),
    asked,
    push(count) {
      for (let at = 0; at < count; at += 1) {
        const event = log.append({ type: 'request', sub: 'bff', operation: `Live${String(at)}` });
        for (const stream of streams)
          stream.write(`event: audit\nid: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
      }
    },
    async stop() {
      for (const stream of streams) stream.end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname.startsWith('/assets/')) await serveFile(pathname, response);
    else if (pathname === '/session') serveSession(double, response);
    else if (pathname === '/login/link') await logIn(double, request, response);
    else if (pathname === '/logout') {
      double.as = undefined;
      sendEmpty(response);
    } else if (pathname === '/graphql') await serveGraph(double, request, response, asked);
    else if (pathname === '/gateway/status') serveStatus(double, response);
    else if (pathname === '/requests/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(': open\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
    } else await servePage(response);
  }

  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return Object.assign(double, { url: `http://localhost:${String((server.address() as AddressInfo).port)}` });
}

async function logIn(
  double: ConsoleDouble,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { code } = JSON.parse(await readBody(request)) as { code: string };
  if (code === 'good') {
    double.as ??= 'operator';
    sendEmpty(response);
  } else sendJson(response, 401, { error: 'LINK_INVALID', code: 'LINK_INVALID' });
}

function serveStatus({ away, log }: ConsoleDouble, response: ServerResponse): void {
  if (away.has('gateway')) sendJson(response, 503, { error: 'GATEWAY_UNAVAILABLE' });
  else sendJson(response, 200, answerOf('status', {}, log));
}

function serveSession({ as }: ConsoleDouble, response: ServerResponse): void {
  if (as === undefined) {
    sendJson(response, 401, { error: 'UNAUTHENTICATED', code: 'UNAUTHENTICATED', oidc: true });
    return;
  }
  const end = new Date(Date.now() + 3_600_000).toISOString();
  sendJson(response, 200, {
    subject: as,
    issuer: 'https://localhost:8011',
    clientId: as,
    roles: [as === 'operator' ? 'admin' : as],
    permissions: PERMISSIONS[as],
    authenticationMethod: 'tls_client_auth',
    expiresAt: end,
    idleEndsAt: end,
  });
}

async function serveGraph(
  double: ConsoleDouble,
  request: IncomingMessage,
  response: ServerResponse,
  asked: { operationName: string; variables: unknown }[],
): Promise<void> {
  const { operationName, variables } = JSON.parse(await readBody(request)) as {
    operationName: string;
    variables: Record<string, unknown>;
  };
  asked.push({ operationName, variables });
  const { as, away, log } = double;
  if (as === undefined) {
    sendJson(response, 401, { errors: [error('UNAUTHENTICATED')] });
    return;
  }
  if (away.has('gateway')) {
    sendJson(response, 503, { errors: [error('GATEWAY_UNAVAILABLE')] });
    return;
  }
  const data = answerOf(operationName, variables, log);
  const errors: unknown[] = [];
  const shown = Object.entries(data).map(([field, value]) => {
    const { service, permission } = FIELD_PERMISSIONS[field] ?? { service: 'admin', permission: '' };
    const code = away.has(service)
      ? 'SUBGRAPH_UNAVAILABLE'
      : PERMISSIONS[as].includes(permission)
        ? undefined
        : 'UNAUTHORIZED_FIELD_OR_TYPE';
    if (code !== undefined) errors.push({ ...error(code, service), path: [field] });
    return [field, code === undefined ? value : null] as const;
  });
  sendJson(response, 200, {
    data: Object.fromEntries(shown),
    ...(errors.length > 0 ? { errors } : {}),
  });
}

function error(code: string, service?: string) {
  return { message: code, extensions: { code, ...(service === undefined ? {} : { service }) } };
}

async function servePage(response: ServerResponse): Promise<void> {
  const body = await readFile(join(PAGES, 'index.html'));
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CSP });
  response.end(body);
}

async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const body = await readFile(join(PAGES, normalize(path)));
  response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' });
  response.end(body);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendEmpty(response: ServerResponse): void {
  response.writeHead(204);
  response.end();
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
