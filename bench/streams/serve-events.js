// A subgraph of events, over mutual TLS: each message of the parent says for how long, and how often, events come.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const read = (file) => readFileSync(join(process.env.CERTS_DIR, file));
const groups = new Map();
const sent = new Map();

const server = createServer(
  {
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    ca: read('ca.crt'),
    cert: read('leads.crt'),
    key: read('leads.key'),
  },
  (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { variables } = JSON.parse(Buffer.concat(chunks).toString());
      const group = variables?.group ?? 0;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(':\n\n');
      groups.set(group, (groups.get(group) ?? new Set()).add(response));
      response.on('close', () => groups.get(group)?.delete(response));
    });
  },
);

/** One event to all who listen to a group. */
function emit(group) {
  const n = (sent.get(group) ?? 0) + 1;
  sent.set(group, n);
  const at = performance.timeOrigin + performance.now();
  const text = `event: next\ndata: {"data":{"tick":{"n":${n},"at":${at}}}}\n\n`;
  for (const response of groups.get(group) ?? []) response.write(text);
}

/** @param job `perSecond` events in turn over the groups for `seconds`, or `groups` once */
async function carryOut({ groups: count, perSecond, seconds }) {
  if (perSecond === undefined) {
    for (let group = 0; group < count; group += 1) emit(group);
    return { events: count };
  }
  const events = Math.round(perSecond * seconds);
  const began = performance.now();
  for (let index = 0; index < events; index += 1) {
    const wait = began + (index * 1_000) / perSecond - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
    emit(index % count);
  }
  return { events };
}

server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', (job) => void carryOut(job).then((done) => process.send(done)));
process.on('disconnect', () => process.exit(0));
