// Opens streams over server-sent events and counts what comes: one child of the benchmark.
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const now = () => performance.timeOrigin + performance.now();
/** By index. */
const streams = [];
let delays = [];
let received = 0;
let gaps = 0;

function open(url, authorization, group) {
  const stream = { group, last: undefined, lastAt: undefined, endedAt: undefined };
  streams.push(stream);
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({
      query: 'subscription ($group: Int!) { tick(group: $group) { n at } }',
      variables: { group },
    });
    const headers = {
      authorization,
      accept: 'text/event-stream',
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', headers, agent }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`a stream was answered with ${response.statusCode}`));
        return;
      }
      response.setEncoding('utf8');
      let rest = '';
      response.on('data', (text) => {
        rest = read(stream, rest + text);
      });
      response.on('close', () => {
        stream.endedAt = now();
      });
      resolve();
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Reads whole events; returns what is left. */
function read(stream, text) {
  const events = text.split('\n\n');
  const rest = events.pop();
  for (const event of events) {
    const [, n, at] = /"n":(\d+),"at":([\d.]+)/.exec(event) ?? [];
    if (n === undefined) {
      const code = /"code":"(\w+)"/.exec(event)?.[1];
      if (code !== undefined) stream.code = code;
      continue;
    }
    received += 1;
    const time = now();
    delays.push(time - Number(at));
    if (stream.last !== undefined && Number(n) !== stream.last + 1) gaps += 1;
    stream.last = Number(n);
    stream.lastAt = time;
  }
  return rest;
}

/** What came since the last report. */
function report() {
  const sorted = delays.sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const report = { received, gaps, p50: at(0.5), p99: at(0.99), longest: sorted.at(-1) };
  delays = [];
  received = 0;
  gaps = 0;
  return report;
}

process.on('message', async ({ open: wanted, url, ends }) => {
  try {
    if (wanted !== undefined)
      for (let from = 0; from < wanted.length; from += 50)
        await Promise.all(
          wanted.slice(from, from + 50).map(({ authorization, group }) => open(url, authorization, group)),
        );
    process.send(
      ends === true ? streams.map(({ lastAt, endedAt, code }) => ({ lastAt, endedAt, code })) : report(),
    );
  } catch (error) {
    process.send({ failed: error.message });
  }
});
process.on('disconnect', () => process.exit(0));
