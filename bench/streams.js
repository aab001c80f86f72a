// `npm run bench:streams -- --streams=2000 --messages=5000 --losses=200`: what many open streams cost one gateway, how fast one
// event reaches all of them, how many messages a second leave without loss, and how soon a lost right ends a stream under
// that load. `--smoke` proves that all of it runs.
import '../tools/print-help.js';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { Agent, request } from 'undici';
import { cpuMilliseconds, residentMebibytes } from './cpu-time.js';
import { prepareAduana, startAduanaGateway, startStsAndAudit } from './start-aduana.js';
import { forkChild, nextMessage, stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';

const SMOKE = process.argv.includes('--smoke');
const flag = (name, usual, smoke) =>
  Number(process.argv.find((one) => one.startsWith(`--${name}=`))?.split('=')[1] ?? (SMOKE ? smoke : usual));
const STREAMS = flag('streams', 2_000, 40);
const TOKENS = flag('tokens', Math.min(STREAMS, 400), 20);
const MESSAGES_PER_SECOND = flag('messages', 5_000, 200);
const SECONDS = flag('seconds', 20, 3);
const LOSSES = Math.min(flag('losses', Math.floor(TOKENS / 2), 10), TOKENS);
const GROUPS = flag('groups', Math.max(1, Math.round(STREAMS / 20)), 4);
const SEED = flag('seed', 17, 17);
/** The bus that wakes who follows the status feed: without it a loss takes up to ten seconds. */
const REDIS = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const ALLOWED_MS = 2_000;
const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@requiresScopes"])
  type Query { none: Int }
  type Subscription { tick(group: Int!): Tick @requiresScopes(scopes: [["leads:read"]]) }
  type Tick { n: Int! at: Float! }
`;

const module = (name) => new URL(name, import.meta.url).pathname;
const ask = async (child, message) => {
  child.send(message);
  const answer = await nextMessage(child);
  if (answer.failed !== undefined) throw new Error(answer.failed);
  return answer;
};
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const now = () => performance.timeOrigin + performance.now();

function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A client of the token service, as the BFF. */
function createSts({ CERTS_DIR, STS_PORT, BFF_CLIENT_SECRET }) {
  const dispatcher = new Agent({ connect: { ca: readFileSync(join(CERTS_DIR, 'ca.crt')) } });
  const authorization = `Basic ${Buffer.from(`bff:${BFF_CLIENT_SECRET}`).toString('base64')}`;
  const post = async (path, form, left = 60) => {
    const { statusCode, body } = await request(`https://localhost:${STS_PORT}/sts/${path}`, {
      method: 'POST',
      dispatcher,
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    const text = await body.text();
    if (statusCode === 503 && left > 0) {
      await sleep(250); // it starts
      return post(path, form, left - 1);
    }
    if (statusCode !== 200) throw new Error(`the token service answered ${statusCode}: ${text}`);
    return text;
  };
  return {
    token: async () => JSON.parse(await post('token', { grant_type: 'client_credentials' })).access_token,
    revoke: (token) => post('revoke', { token }),
    close: () => dispatcher.close(),
  };
}

async function streams(databaseUrl) {
  const deployment = await prepareAduana(databaseUrl);
  deployment.env.REDIS_URL = REDIS;
  try {
    const subgraph = forkChild(module('streams/serve-events.js'), { CERTS_DIR: deployment.env.CERTS_DIR });
    const { port } = await nextMessage(subgraph);
    writeSupergraph(deployment.env, `https://localhost:${port}/`);
    await startStsAndAudit(deployment);
    const sts = createSts(deployment.env);
    const tokens = [];
    for (let from = 0; from < TOKENS; from += 20)
      tokens.push(...(await Promise.all(Array.from({ length: Math.min(20, TOKENS - from) }, sts.token))));
    const gateway = await startAduanaGateway(
      { ...deployment, token: () => tokens[0] },
      { LIMIT_STREAMS: 'off', LIMIT_STREAMS_PER_CALLER: 'off', LOG_LEVEL: 'error' },
    );
    const clients = forkChild(module('streams/listen.js'));
    const report = await measure({ gateway, subgraph, clients, sts, tokens });
    await sts.close();
    return report;
  } finally {
    stopAll();
    await sleep(3_000);
    rmSync(deployment.folder, { recursive: true, force: true });
  }
}

function writeSupergraph({ SUPERGRAPH_SDL, SUPERGRAPH_CONFIG }, url) {
  const { supergraphSdl, errors } = composeServices([{ name: 'events', url, typeDefs: parse(SDL) }]);
  if (supergraphSdl === undefined) throw new TypeError(String(errors));
  const schema = `${SUPERGRAPH_SDL}.events`;
  writeFileSync(schema, SDL);
  writeFileSync(SUPERGRAPH_SDL, supergraphSdl);
  writeFileSync(
    SUPERGRAPH_CONFIG,
    `federation_version: =2.14.4\nsubgraphs:\n  events:\n    routing_url: ${url}\n    schema: { file: ${schema} }\n    aduana: { audience: leads }\n`,
  );
}

async function measure({ gateway, subgraph, clients, sts, tokens }) {
  const { pid } = gateway.child;
  const cpu = () => cpuMilliseconds([pid]);
  const figures = { streams: STREAMS, tokens: TOKENS, groups: GROUPS };
  const wanted = Array.from({ length: STREAMS }, (_, index) => ({
    authorization: `Bearer ${tokens[index % TOKENS]}`,
    group: index % GROUPS,
  }));
  const empty = residentMebibytes([pid]);
  const cpuBefore = cpu();
  await ask(clients, { open: wanted, url: gateway.url });
  figures.cpuMsPerOpening = (cpu() - cpuBefore) / STREAMS;
  await sleep(3_000);
  figures.kibibytesPerStream = ((residentMebibytes([pid]) - empty) * 1024) / STREAMS;

  await ask(subgraph, { groups: GROUPS }); // a first time, for code that is not warm
  await sleep(2_000);
  await ask(clients, {});
  const before = cpu();
  await ask(subgraph, { groups: GROUPS });
  await sleep(3_000);
  const toAll = await ask(clients, {});
  figures.oneEventToAll = toAll;
  figures.cpuMsPerMessageToAll = (cpu() - before) / toAll.received;

  const perSecond = (MESSAGES_PER_SECOND * GROUPS) / STREAMS;
  const underLoad = cpu();
  const { events } = await ask(subgraph, { groups: GROUPS, perSecond, seconds: SECONDS });
  await sleep(2_000);
  const load = await ask(clients, {});
  figures.underLoad = { ...load, perSecond: load.received / SECONDS, events };
  figures.cpuMsPerMessage = (cpu() - underLoad) / load.received;
  figures.losses = await loseRights({ subgraph, clients, sts, tokens, perSecond });
  return figures;
}

/** Revokes tokens at random moments while messages come, and asks the clients what came afterwards. */
async function loseRights({ subgraph, clients, sts, tokens, perSecond }) {
  const draw = random(SEED);
  const order = [...tokens.keys()].sort(() => draw() - 0.5).slice(0, LOSSES);
  const seconds = Math.max(SECONDS, 5);
  const ending = ask(subgraph, { groups: GROUPS, perSecond, seconds });
  const lostAt = new Map();
  const length = (seconds - 3) * 1_000;
  await Promise.all(
    order.map(async (index) => {
      await sleep(draw() * length);
      await sts.revoke(tokens[index]);
      lostAt.set(index, now());
    }),
  );
  await ending;
  await sleep(ALLOWED_MS + 1_000);
  const ends = await ask(clients, { ends: true });
  const report = {
    revoked: LOSSES,
    ofStreams: 0,
    late: 0,
    open: 0,
    slowestEndMs: 0,
    endedUnasked: 0,
    codes: {},
  };
  for (const [index, { lastAt, endedAt, code = 'none' }] of ends.entries()) {
    if (endedAt !== undefined) report.codes[code] = (report.codes[code] ?? 0) + 1;
    const lost = lostAt.get(index % TOKENS);
    if (lost === undefined) {
      if (endedAt !== undefined) report.endedUnasked += 1;
      continue;
    }
    report.ofStreams += 1;
    if (lastAt > lost + ALLOWED_MS) report.late += 1;
    if (endedAt === undefined) report.open += 1;
    else report.slowestEndMs = Math.max(report.slowestEndMs, endedAt - lost);
  }
  return report;
}

const rounded = (value) =>
  typeof value === 'number'
    ? Number(value.toFixed(3))
    : Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]));
const figures = await withDatabase('streams', streams);
console.log(JSON.stringify(rounded(figures), null, 2));
const { losses, underLoad } = figures;
console.log(
  `${losses.late} of ${losses.ofStreams} streams got something later than ${ALLOWED_MS} ms after the loss, slowest end ${Math.round(losses.slowestEndMs)} ms; ${underLoad.gaps} gaps in ${underLoad.received} messages`,
);
if (losses.late + losses.open + losses.endedUnasked + underLoad.gaps > 0) process.exitCode = 1;
