// `npm run bench:scale`: the gateway's CPU time per request as documents, lists, supergraphs and cache misses grow. `-- --smoke` only proves that everything runs.
import '../tools/print-help.js';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuMilliseconds } from './cpu-time.js';
import { composeWide, subgraphNames } from './scale/wide-supergraph.js';
import { callerToken, prepareAduana, startAduanaGateway, startDeployment } from './start-aduana.js';
import { forkChild, nextMessage, stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';
import { SUBGRAPHS } from './workload/supergraph.js';

const smoke = process.argv.includes('--smoke');
const TIMES = smoke
  ? { firstMs: 300, warmMs: 300, measureMs: 300 }
  : { firstMs: 10_000, warmMs: 2_000, measureMs: 3_000 };
const CONNECTIONS = 8;
const FOLDER = new URL('results/', import.meta.url);
const NO_LIMITS = {
  SHARE_IN_FLIGHT: 'off',
  OPERATION_TIMEOUT_MS: '300000',
  ...Object.fromEntries(
    ['TOKENS', 'DEPTH', 'ALIASES', 'ROOT_FIELDS', 'DIRECTIVES', 'COST'].map((name) => [
      `LIMIT_${name}`,
      'off',
    ]),
  ),
};

/** A document over the first so many subgraphs, with so many fields of each. */
function documentOf({ items = 10, subgraphs = 4, fields = 2 }) {
  const selected = subgraphNames(subgraphs).flatMap((name) =>
    Array.from({ length: fields }, (_, field) => `a${field}_${name}: ${name}_f${field % 10}`),
  );
  return `{ items(first: ${items}) { id ${selected.join(' ')} } }`;
}

/** Each curve: what grows, over which sizes, and how the work of one size looks. */
const CURVES = [
  {
    name: 'fields of a document, one item',
    sizes: [10, 100, 1_000],
    work: (size) => ({ document: documentOf({ items: 1, fields: Math.round(size / 4) }) }),
  },
  {
    name: 'fields of a document never seen before, one item',
    sizes: [10, 100, 1_000],
    work: (size) => ({ document: documentOf({ items: 1, fields: Math.round(size / 4) }), newShare: 1 }),
  },
  {
    name: 'entities of a list',
    sizes: [10, 100, 1_000, 10_000],
    work: (size) => ({ document: documentOf({ items: size }) }),
  },
  {
    name: 'subgraphs asked',
    sizes: [4, 16, 64],
    work: (size) => ({ document: documentOf({ subgraphs: size }) }),
  },
  {
    name: 'subgraphs of the supergraph, four of them asked',
    sizes: [4, 16, 64],
    supergraph: (size) => size,
    work: () => ({ document: documentOf({}) }),
  },
  {
    name: 'subgraphs asked by a document never seen before',
    sizes: [4, 16, 64],
    work: (size) => ({ document: documentOf({ subgraphs: size }), newShare: 1 }),
  },
  {
    name: 'per cent of documents never seen before',
    sizes: [0, 1, 10, 100],
    grows: false,
    work: (size) => ({ document: documentOf({}), newShare: size / 100 }),
  },
];
const WIDEST = 64;

async function scale(databaseUrl) {
  const deployment = await prepareAduana(databaseUrl);
  try {
    const port = await nextMessage(
      forkChild(new URL('scale/serve-wide.js', import.meta.url).pathname, {
        CERTS_DIR: deployment.env.CERTS_DIR,
      }),
    );
    // The deployment's own files are of the other workload; each gateway here is given its own.
    await startDeployment(deployment, Object.fromEntries(SUBGRAPHS.map((name) => [name, { https: port }])));
    const load = forkChild(new URL('scale/send-variants.js', import.meta.url).pathname);
    const gateways = new Map();
    const gatewayOver = async (count) => {
      if (!gateways.has(count)) {
        const gateway = await startOver(count, port, deployment);
        // Code that has not run often yet costs many times as much.
        await send(gateway, load, { document: documentOf({}), newShare: 0.5 }, TIMES.firstMs);
        gateways.set(count, gateway);
      }
      return gateways.get(count);
    };
    const curves = [];
    for (const curve of CURVES) {
      const points = [];
      for (const size of curve.sizes) {
        const gateway = await gatewayOver(curve.supergraph?.(size) ?? WIDEST);
        points.push({ size, ...(await measure(gateway, load, curve.work(size))) });
      }
      curves.push(print({ name: curve.name, grows: curve.grows ?? true, points }));
    }
    return curves;
  } finally {
    stopAll();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    rmSync(deployment.folder, { recursive: true, force: true });
  }
}

function startOver(count, port, deployment) {
  const urlOf = (name) => `https://localhost:${port}/${name}`;
  const sdl = join(deployment.folder, `wide-${count}.graphql`);
  const config = join(deployment.folder, `wide-${count}.yaml`);
  writeFileSync(sdl, composeWide(count, urlOf));
  const entries = subgraphNames(count).map(
    (name) =>
      `  ${name}: { routing_url: "${urlOf(name)}", schema: { file: none }, aduana: { audience: leads, timeout_ms: 300000 } }\n`,
  );
  writeFileSync(config, `subgraphs:\n${entries.join('')}`);
  return startAduanaGateway(
    { ...deployment, token: () => callerToken(deployment) },
    { ...NO_LIMITS, SUPERGRAPH_SDL: sdl, SUPERGRAPH_CONFIG: config },
  );
}

async function send(gateway, load, { document, newShare = 0 }, milliseconds) {
  const headers = await gateway.headers();
  load.send({ url: gateway.url, headers, document, newShare, connections: CONNECTIONS, milliseconds });
  const { requests, failure } = await nextMessage(load);
  if (failure !== undefined) throw new Error(failure);
  return requests;
}

async function measure(gateway, load, work) {
  await send(gateway, load, work, TIMES.warmMs);
  const before = cpuMilliseconds([gateway.child.pid]);
  const requests = await send(gateway, load, work, TIMES.measureMs);
  const cpuMs = (cpuMilliseconds([gateway.child.pid]) - before) / requests;
  return { requests, cpuMs: Number(cpuMs.toPrecision(3)) };
}

/** How much faster than its size the cost of a step grew: 1 is linear, 2 is quadratic. */
function print({ name, grows, points }) {
  console.log(`\n${name}`);
  const rows = points.map((point, index) => {
    const previous = points[index - 1];
    if (!grows || previous === undefined) return point;
    const exponent = Math.log(point.cpuMs / previous.cpuMs) / Math.log(point.size / previous.size);
    return { ...point, exponent: Number(exponent.toFixed(2)) };
  });
  for (const { size, cpuMs, exponent } of rows)
    console.log(
      `  ${String(size).padStart(6)}  ${String(cpuMs).padStart(8)} CPU ms${exponent === undefined ? '' : `  exponent ${exponent}`}`,
    );
  return { name, points: rows };
}

const curves = await withDatabase('scale', scale);
if (!smoke) {
  mkdirSync(FOLDER, { recursive: true });
  const report = {
    measuredAt: new Date().toISOString(),
    node: process.version,
    connections: CONNECTIONS,
    curves,
  };
  writeFileSync(new URL('scale.json', FOLDER), `${JSON.stringify(report, null, 2)}\n`);
}
process.exit();
