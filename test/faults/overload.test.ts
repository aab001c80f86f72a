import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { Pool } from 'undici';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { underLoad } from '../support/until.ts';

const SLOW_MS = 200;
/** Of the narrow subgraph; together fewer than the operations that may be in progress. */
const CONNECTIONS = 16;
const WAITING = 16;
const IN_PROGRESS = 64;
const LONGEST_ANSWER_MS = 7_000;

type Field = 'narrow' | 'wide' | 'quick';

interface Answer {
  readonly status: number;
  readonly milliseconds: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { data?: unknown; errors?: { extensions: { code: string }; path?: unknown }[] };
}

const servers: Server[] = [];
let folder: string;
let deployment: TestDeployment;
let pool: Pool;
let authorization: string;

async function serve(name: string, afterMs: number): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      setTimeout(() => response.end(JSON.stringify({ data: { [name]: name } })), afterMs);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-'));
  const urls = {
    narrow: await serve('narrow', SLOW_MS),
    wide: await serve('wide', SLOW_MS),
    quick: await serve('quick', 0),
  };
  const { supergraphSdl } = composeServices(
    Object.entries(urls).map(([name, url]) => ({
      name,
      url,
      typeDefs: parse(`type Query { ${name}: String }`),
    })),
  );
  const files = { sdl: join(folder, 'supergraph.graphql'), config: join(folder, 'supergraph.yaml') };
  await writeFile(files.sdl, supergraphSdl ?? '');
  const block = (name: keyof typeof urls, more = '') =>
    `  ${name}: { routing_url: "${urls[name]}", schema: { file: ${name}.graphql }, aduana: { audience: leads${more} } }\n`;
  const load = `, max_connections: ${String(CONNECTIONS)}, max_waiting: ${String(WAITING)}`;
  await writeFile(files.config, `subgraphs:\n${block('narrow', load)}${block('wide')}${block('quick')}`);
  deployment = await startTestDeployment({
    environment: {
      SUPERGRAPH_SDL: files.sdl,
      SUPERGRAPH_CONFIG: files.config,
      SHARE_IN_FLIGHT: 'off',
      LIMIT_CONCURRENT_OPERATIONS: 'off',
      LIMIT_OPERATIONS_IN_PROGRESS: String(IN_PROGRESS),
      LIMIT_OPERATIONS_WAITING: '16',
      LOG_LEVEL: 'error',
    },
  });
  authorization = `Bearer ${(await deployment.aduana('token', '--as', 'bff')).stdout.trim()}`;
  const origin = `http://127.0.0.1:${String(deployment.ports.GATEWAY_HTTP_PORT)}`;
  pool = new Pool(origin, { connections: 400, pipelining: 1 });
  await ask('wide');
});

afterAll(async () => {
  await pool.close();
  expect(await deployment.stop()).toBe(0);
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function ask(field: Field): Promise<Answer> {
  const since = performance.now();
  const { statusCode, headers, body } = await pool.request({
    path: '/graphql',
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query: `{ ${field} }` }),
  });
  const answer = (await body.json()) as Answer['body'];
  return { status: statusCode, milliseconds: performance.now() - since, headers, body: answer };
}

/** Each of so many clients asks anew as soon as it is answered; who is refused waits as it was told. */
async function load(clients: number, milliseconds: number, field: Field, patient: boolean) {
  const answers: Answer[] = [];
  const until = performance.now() + milliseconds;
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      const answer = await ask(field);
      answers.push(answer);
      if (patient && answer.status === 503) await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers;
}

function percentile(answers: readonly Answer[], share: number): number {
  const sorted = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function residentMebibytes(): Promise<number> {
  const status = await readFile(`/proc/${String(deployment.process.pid)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

const isServed = ({ body }: Answer) => body.errors === undefined;
const isOverloadedField = ({ status, body }: Answer) =>
  status === 200 && body.errors?.[0]?.extensions.code === 'OVERLOADED';

describe('more than can be done', () => {
  test('of a slow subgraph: what finds no place there is reported at once, and other subgraphs go on', async () => {
    const [narrow, quick] = await Promise.all([
      load(56, 3_000, 'narrow', false),
      load(4, 3_000, 'quick', false),
    ]);
    expect(quick.every(isServed)).toBe(true);
    expect(percentile(quick, 0.99)).toBeLessThan(underLoad(1_500));
    expect(narrow.filter(isServed).length).toBeGreaterThan(CONNECTIONS);
    const refused = narrow.filter((answer) => !isServed(answer));
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(isOverloadedField)).toBe(true);
    expect(refused[0]?.body).toMatchObject({
      data: { narrow: null },
      errors: [{ path: ['narrow'], extensions: { code: 'OVERLOADED' } }],
    });
    expect(percentile(narrow.filter(isServed), 0.99)).toBeLessThan(underLoad(3_000));
  });

  test('of the gateway: the rest is refused with 503 and when to try again, recorded, and costs little memory', async () => {
    const before = await residentMebibytes();
    const answers = await load(400, 6_000, 'wide', true);
    expect(await residentMebibytes()).toBeLessThan(before + 200);
    for (const answer of answers) expect(answer.milliseconds).toBeLessThan(underLoad(LONGEST_ANSWER_MS));
    expect(answers.some(isServed)).toBe(true);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(100);
    expect(answers.every((answer) => isServed(answer) || answer.status === 503)).toBe(true);
    for (const { headers, body } of refused) {
      expect(headers['retry-after']).toBe('1');
      expect(headers['audit-id']).toEqual(expect.any(String));
      expect(body).toEqual({
        errors: [{ message: 'The service is overloaded', extensions: { code: 'OVERLOADED' } }],
      });
    }
    expect(await ask('quick')).toMatchObject({ status: 200, body: { data: { quick: 'quick' } } });
    expect(deployment.output()).not.toContain('a request failed');
    const exported = join(folder, 'log');
    expect((await deployment.aduana('audit', 'export', '--out', exported)).code).toBe(0);
    const entries = await readFile(join(exported, 'entries.jsonl'), 'utf8');
    for (const { headers } of refused.slice(0, 50)) expect(entries).toContain(String(headers['audit-id']));
  });
});
