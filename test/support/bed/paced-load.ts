import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { LoadAnswer } from '../steady-load.ts';
import { isGood } from '../outage-row.ts';
import { until } from '../until.ts';
import type { ServiceHost, ServiceHosts } from './service-hosts.ts';

/** Longer than any answer may take; who waits longer has none. */
const PATIENCE_MS = 30_000;
const TICK_MS = 20;
const OPERATIONS_PER_SECOND = 50;
const BUSY_CLIENTS = 8;

/** Requests of clients, none of which is sent again. */
export interface BedLoad {
  readonly gateway: readonly LoadAnswer[];
  readonly tokens: readonly LoadAnswer[];
  /** Waits for so many more good answers of the gateway, and a tenth as many good tokens. */
  untilMore(count: number): Promise<void>;
  /** Sends no more, and waits for what is under way. */
  stop(): Promise<void>;
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly auditId: string;
}

/**
 * Operations at a steady rate, whether or not earlier ones are answered. A tenth are mutations, and for a tenth the caller
 * gets a fresh token first.
 */
export async function startPacedLoad(services: ServiceHosts): Promise<BedLoad> {
  const gateway: LoadAnswer[] = [];
  const tokens: LoadAnswer[] = [];
  const send = await openSender(services.certificates);
  const underWay = new Set<Promise<void>>();
  const [bff, actuator] = [services.credentials('bff'), services.credentials('actuator')];
  let asked = 0;

  async function operate(n: number): Promise<void> {
    if (n % 10 === 5) {
      const { text } = await noted(tokens, () => send.form('https://sts:8011/sts/token', bff, 'grant_type=client_credentials')); // prettier-ignore
      const token = /"access_token":"([^"]+)"/.exec(text)?.[1];
      if (token !== undefined) await noted(gateway, () => ask(`Bearer ${token}`, '{ leads { company } }'));
    } else if (n % 10 === 0) {
      await noted(gateway, () => ask(actuator, mutation()));
    } else await noted(gateway, () => ask(bff, '{ leads { company } }'));
  }
  const ask = (authorization: string, query: string) =>
    send.json('https://gateway:4443/graphql', authorization, { query });

  const began = performance.now();
  const sending = setInterval(() => {
    const due = ((performance.now() - began) * OPERATIONS_PER_SECOND) / 1000;
    while (asked < due) {
      const operation = operate((asked += 1)).finally(() => underWay.delete(operation));
      underWay.add(operation);
    }
  }, TICK_MS);

  return {
    gateway,
    tokens,
    async untilMore(count) {
      await untilMoreGood(gateway, count);
      await untilMoreGood(tokens, count / 10);
    },
    async stop() {
      clearInterval(sending);
      await Promise.all(underWay);
      await send.close();
    },
  };
}

function mutation(): string {
  return `mutation { advanceLead(id: "lead-1", to: CONTACTED, idempotencyKey: "${randomUUID()}") { id } }`;
}

/** Clients that are always busy on connections of one gateway that they keep, past the balancer; every request is a mutation. */
export async function startBusyClients(services: ServiceHosts, host: ServiceHost): Promise<BedLoad> {
  const gateway: LoadAnswer[] = [];
  const send = await openSender(services.certificates);
  const stopped = new AbortController();
  const authorization = services.credentials('actuator');
  const url = `https://${host}:4443/graphql`;
  async function call(): Promise<void> {
    while (!stopped.signal.aborted) {
      const { status } = await noted(gateway, () => send.json(url, authorization, { query: mutation() }));
      if (status !== 200) await wait(100);
    }
  }
  const calling = Promise.all(Array.from({ length: BUSY_CLIENTS }, call));
  return {
    gateway,
    tokens: [],
    untilMore: (count) => untilMoreGood(gateway, count),
    async stop() {
      stopped.abort();
      await calling;
      await send.close();
    },
  };
}

async function untilMoreGood(answers: readonly LoadAnswer[], count: number): Promise<void> {
  const wanted = answers.filter(isGood).length + count;
  await until(async () => {
    await wait(50);
    return answers.filter(isGood).length >= wanted;
  });
}

/** Writes down what came of a request; a connection that failed is status 0 with the error's code. */
async function noted(answers: LoadAnswer[], work: () => Promise<Answered>): Promise<Answered> {
  const began = performance.now();
  const answered = await work().catch((error: unknown) => ({
    status: 0,
    text: `"code":"${failureOf(error as NodeJS.ErrnoException)}"`,
    auditId: '',
  }));
  const { status, text, auditId } = answered;
  const at = performance.now();
  const code = /"(?:code|error)":"(\w+)"/.exec(text)?.[1];
  answers.push({ status, auditId, milliseconds: at - began, at, code });
  return answered;
}

/** A connection that ends before its TLS is up has carried no request: nobody took it, as where nobody listens. */
function failureOf({ code = 'FAILED', message }: NodeJS.ErrnoException): string {
  return message.includes('before secure TLS connection') ? `${code}_BEFORE_TLS` : code;
}

/** Requests over connections that are kept, to whoever shows a certificate of the deployment's CA. */
async function openSender(certificates: string) {
  const ca = await readFile(join(certificates, 'ca.crt'), 'utf8');
  const dispatcher = new Agent({
    connect: { ca, checkServerIdentity: () => undefined, timeout: PATIENCE_MS },
    connections: 64,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  });
  async function post(url: string, authorization: string, type: string, body: string): Promise<Answered> {
    const { statusCode, headers, body: answer } = await request(url, {
      method: 'POST',
      dispatcher,
      headers: { authorization, 'content-type': type },
      body,
    }); // prettier-ignore
    return { status: statusCode, text: await answer.text(), auditId: String(headers['audit-id'] ?? '') };
  }
  return {
    json: (url: string, authorization: string, body: object) =>
      post(url, authorization, 'application/json', JSON.stringify(body)),
    form: (url: string, authorization: string, body: string) =>
      post(url, authorization, 'application/x-www-form-urlencoded', body),
    close: () => dispatcher.close(),
  };
}
