import { cpuMilliseconds, residentMebibytes } from './cpu-time.js';
import { forkChild, nextMessage } from './start-process.js';
import { QUERIES } from './workload/queries.js';

/** Measures each gateway in turn, round after round, so that what else the machine does meets all of them alike. */
export function createRounds({ gateways, control, helpers }) {
  const load = forkChild(new URL('send-load.js', import.meta.url).pathname);
  const send = async (work) => {
    load.send(work);
    return nextMessage(load);
  };
  const calls = async () => Number(await (await fetch(`http://127.0.0.1:${control}/`)).text());

  async function measure(gateway, query, connections, { warmMs, measureMs }) {
    const operationName = /query (\w+)/.exec(QUERIES[query])[1];
    const body = JSON.stringify({ query: QUERIES[query], operationName });
    const headers = await gateway.headers();
    const work = {
      url: gateway.url,
      headers,
      body,
      connections,
      expected: await answerLength(gateway, headers, body),
    };
    await send({ ...work, milliseconds: warmMs });
    const others = [
      helpers.subgraphs.pid,
      ...(gateway.isDeployment ? helpers.deployment.map(({ pid }) => pid) : []),
    ];
    const databases = gateway.isDeployment ? await helpers.backends() : [];
    const before = {
      cpu: cpuMilliseconds([gateway.child.pid]),
      others: cpuMilliseconds([...others, ...databases]),
      calls: await calls(),
    };
    const { requests, elapsed, failures, firstFailure, p50, p99 } = await send({
      ...work,
      milliseconds: measureMs,
    });
    if (failures > 0) throw new Error(`${gateway.name}: ${failures} of ${requests} failed: ${firstFailure}`);
    const cpu = cpuMilliseconds([gateway.child.pid]) - before.cpu;
    const allCpu = cpu + cpuMilliseconds([...others, ...databases]) - before.others;
    return {
      gateway: gateway.name, query, connections, requests,
      rps: (requests / elapsed) * 1000, cpuMs: cpu / requests, allCpuMs: allCpu / requests,
      calls: ((await calls()) - before.calls) / requests, p50, p99, rssMiB: residentMebibytes([gateway.child.pid]),
    }; // prettier-ignore
  }

  return {
    async run({ rounds, connections, firstWarmMs, warmMs, measureMs, queries = Object.keys(QUERIES) }) {
      const results = [];
      for (let round = 0; round < rounds; round++) {
        const times = { warmMs: round === 0 ? firstWarmMs : warmMs, measureMs };
        for (const count of connections)
          for (const query of queries)
            for (const gateway of gateways)
              results.push({ round, ...(await measure(gateway, query, count, times)) });
      }
      return results;
    },
  };
}

async function answerLength({ name, url }, headers, body) {
  const response = await fetch(url, { method: 'POST', headers, body });
  const text = await response.text();
  const { data, errors } = JSON.parse(text);
  if (errors !== undefined || data === null) throw new Error(`${name} answers ${text.slice(0, 500)}`);
  return text.length;
}
