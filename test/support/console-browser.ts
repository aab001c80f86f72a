import { readFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request as send } from 'node:http';
import { join } from 'node:path';
import { askGateway, type Client, type GatewayAnswer, type Log, openClient } from '@aduana/client';
import type { TestDeployment } from './running-deployment.ts';

export interface ConsoleAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What a browser, or whoever plays one, sends to the console over plain HTTP on loopback. */
export interface ConsoleBrowser {
  readonly origin: string;
  cookie: string | undefined;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<ConsoleAnswer>;
  /** As a page of the console sends it, but for the headers that are given; an empty one is left out. */
  post(
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string | undefined>>,
  ): Promise<ConsoleAnswer>;
  graphql(query: string): Promise<ConsoleAnswer>;
}

/** @param port of the console */
export function openConsoleBrowser(port: number): ConsoleBrowser {
  const origin = `http://localhost:${String(port)}`;
  const browser: ConsoleBrowser = {
    origin,
    cookie: undefined,
    get: (path, headers = {}) => exchange('GET', path, { 'sec-fetch-site': 'same-origin', ...headers }),
    post: (path, body, headers = {}) =>
      exchange(
        'POST',
        path,
        { origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', ...headers },
        JSON.stringify(body),
      ),
    graphql: (query) => browser.post('/graphql', { query }),
  };

  function exchange(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | undefined>>,
    body?: string,
  ): Promise<ConsoleAnswer> {
    const given = Object.entries({ ...headers, cookie: browser.cookie }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return new Promise((resolve, reject) => {
      const message = send(
        { host: '127.0.0.1', port, method, path, agent: false, headers: { host: `localhost:${String(port)}`, ...Object.fromEntries(given) } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            const [set] = response.headers['set-cookie'] ?? [];
            if (set !== undefined) browser.cookie = set.split(';')[0];
            const { statusCode: status = 0, headers: answered } = response;
            resolve({ status, headers: answered, text, json: parse(text) });
          });
        },
      ); // prettier-ignore
      message.on('error', reject);
      message.end(body);
    });
  }
  return browser;
}

/** Services that ask the running deployment with their certificates, as the command line does, in this process. */
export interface ConsoleCallers {
  /** One GraphQL request to the gateway. */
  graphql(as: string, document: string): Promise<GatewayAnswer>;
  /** The code of a new one-time link. */
  linkCode(as: string): Promise<string>;
  /** A browser that is signed in by a link. */
  signIn(as: string): Promise<ConsoleBrowser>;
  close(): Promise<void>;
}

export function openConsoleCallers({ folder, ports }: TestDeployment): ConsoleCallers {
  const clients = new Map<string, Promise<Client>>();
  const clientOf = (service: string): Promise<Client> => {
    const known =
      clients.get(service) ??
      openClient({
        service,
        certsDir: join(folder, 'certs'),
        stsUrl: `https://localhost:${String(ports.STS_PORT)}/sts/token`,
        trustDomain: 'aduana.local',
        gatewayUrl: `https://localhost:${String(ports.GATEWAY_TLS_PORT)}`,
        log: SILENT,
      });
    clients.set(service, known);
    return known;
  };
  const callers: ConsoleCallers = {
    async graphql(as, document) {
      return askGateway((await clientOf(as)).gateway, { document });
    },
    async linkCode(as) {
      const client = await clientOf(as);
      const { port } = JSON.parse(await readFile(join(folder, 'home/console-login.json'), 'utf8')) as {
        port: number;
      };
      const peer = client.peer({
        origin: `https://localhost:${String(port)}`,
        spiffeId: 'spiffe://aduana.local/console',
        failureCode: 'GATEWAY_UNAVAILABLE',
      });
      const token = await client.sts.ownToken('console');
      const { body } = await peer.request({
        method: 'POST',
        path: '/login/links',
        headers: { authorization: `Bearer ${token.reveal()}` },
        timeoutMilliseconds: 30_000,
        maxResponseBytes: 4_096,
      });
      const { url = '' } = parse(body.toString('utf8'));
      const [, code] = /\/login#code=(\S+)/.exec(String(url)) ?? [];
      if (code === undefined) throw new Error(`no link: ${body.toString('utf8')}`);
      return code;
    },
    async signIn(as) {
      const browser = openConsoleBrowser(ports.CONSOLE_PORT);
      const answer = await browser.post('/login/link', { code: await callers.linkCode(as) });
      if (answer.status !== 204) throw new Error(`not signed in: ${String(answer.status)} ${answer.text}`);
      return browser;
    },
    async close() {
      await Promise.all([...clients.values()].map(async (client) => (await client).close()));
    },
  };
  return callers;
}

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}
