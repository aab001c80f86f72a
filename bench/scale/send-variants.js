// Sends one document over and over, a share of the times in a form that was never sent before. Runs as a child process.
import { Pool } from 'undici';

let made = 0;

async function run({ url, headers, document, newShare, connections, milliseconds }) {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const until = performance.now() + milliseconds;
  let requests = 0;
  let owed = 0;
  let failure;
  const one = async () => {
    while (performance.now() < until && failure === undefined) {
      owed += newShare;
      let query = document;
      if (owed >= 1) {
        owed -= 1;
        made += 1;
        query = document.replace('id', `n${made}: id`);
      }
      requests += 1;
      const { statusCode, body } = await pool.request({
        path: pathname,
        method: 'POST',
        headers,
        body: JSON.stringify({ query }),
      });
      const text = await body.text();
      if (statusCode !== 200 || text.includes('"errors"'))
        failure = `${statusCode} ${text.slice(Math.max(0, text.indexOf('"errors"'))).slice(0, 500)}`;
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  await pool.close();
  return { requests, failure };
}

process.on('message', async (work) => process.send(await run(work)));
process.on('disconnect', () => process.exit(0));
