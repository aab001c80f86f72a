// Sends what a gateway meets in a day, well and badly behaved clients mixed. Runs as a child process.
import { connect } from 'node:net';
import { Pool } from 'undici';
import { QUERIES } from './workload/queries.js';

const JSON_BODY = { 'content-type': 'application/json' };

/** Each kind with its share, and the statuses that it may get; a client that left gets none. */
const KINDS = [
  { name: 'small', share: 58, statuses: [200], send: ({ ask }) => ask(QUERIES.small) },
  { name: 'medium', share: 15, statuses: [200], send: ({ ask }) => ask(QUERIES.medium) },
  { name: 'big', share: 4, statuses: [200], send: ({ ask }) => ask(QUERIES.big) },
  {
    name: 'new document',
    share: 3,
    statuses: [200],
    send: ({ ask, number }) => ask(`query New { user(id: "1") { n${number}: id name } }`),
  },
  { name: 'invalid', share: 5, statuses: [400], send: ({ ask, number }) => ask(`{ no${number % 5_000} }`) },
  { name: 'malformed', share: 2, statuses: [400], send: ({ post }) => post('{"query":') },
  {
    name: 'unauthenticated',
    share: 3,
    statuses: [401, 429],
    send: ({ post }) => post('{}', { authorization: '' }),
  },
  {
    name: 'leaves',
    share: 8,
    statuses: [200],
    send: ({ ask, number }) =>
      ask(number % 2 === 0 ? QUERIES.big : QUERIES.medium, AbortSignal.timeout(number % 20)),
  },
  { name: 'half a body', share: 2, statuses: [], send: ({ breakOff }) => breakOff() },
];
const WHEEL = KINDS.flatMap((kind) => Array.from({ length: kind.share }, () => kind));

let number = 0;

async function run({ url, headers, connections, requests }) {
  const { origin, pathname, port } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const post = async (body, own = {}, signal) => {
    const given = { ...JSON_BODY, ...headers, ...own };
    if (given.authorization === '') delete given.authorization;
    const response = await pool.request({ path: pathname, method: 'POST', headers: given, body, signal });
    await response.body.dump({ limit: Infinity });
    return response.statusCode;
  };
  const ask = (query, signal) => post(JSON.stringify({ query }), {}, signal);
  const breakOff = () => leaveWithin(Number(port), pathname, headers);
  const counts = {};
  let left = requests;
  const one = async () => {
    while (left > 0) {
      left -= 1;
      number += 1;
      // Spread evenly: a prime number that does not divide the wheel.
      const kind = WHEEL[(number * 37) % WHEEL.length];
      let outcome = 'left';
      try {
        outcome = await kind.send({ ask, post, breakOff, number });
      } catch (error) {
        if (kind.name !== 'leaves') outcome = String(error);
      }
      const expected = outcome === 'left' || kind.statuses.includes(outcome);
      const name = expected ? kind.name : `${kind.name} UNEXPECTED ${outcome}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  const elapsed = performance.now() - started;
  await pool.close();
  return { elapsed, counts };
}

/** Announces a body, sends a part of it, and hangs up. */
function leaveWithin(port, path, { authorization }) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: localhost:${port}\r\nauthorization: ${authorization}\r\n` +
          'content-type: application/json\r\ncontent-length: 5000\r\n\r\n{"query":',
        () => socket.destroy(),
      );
    });
    socket.once('close', () => resolve('left'));
    socket.once('error', () => undefined);
  });
}

process.on('message', async (work) => process.send(await run(work)));
process.on('disconnect', () => process.exit(0));
