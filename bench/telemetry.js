// `node bench/telemetry.js [--baseline=FILE] [--rounds=N]`: what telemetry costs `small`, in paired rounds: off, and on with 10 % of the
// traces. `--baseline` is the dist/cli/main.js of another checkout, such as one without telemetry.
import '../tools/print-help.js';
import { option } from './command-options.js';
import { createRounds } from './measure-rounds.js';
import { callerToken, startAduanaGateway } from './start-aduana.js';
import { forkChild, nextMessage } from './start-process.js';
import { withWorkload } from './with-workload.js';

const TIMES = { firstWarmMs: 4_000, warmMs: 500, measureMs: 1_500, connections: [32], queries: ['small'] };

await withWorkload(async ({ deployment, control, helpers }) => {
  const collector = forkChild(new URL('workload/collect-telemetry.js', import.meta.url).pathname);
  const endpoint = `http://127.0.0.1:${await nextMessage(collector)}`;
  const token = await callerToken(deployment);
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  };
  const baseline = option('baseline');
  const start = async (name, options, main) => {
    const started = await startAduanaGateway({ ...deployment, token: () => token, main }, options);
    return { name, ...started };
  };
  const gateways = [
    ...(baseline === undefined ? [] : [await start('baseline', {}, baseline)]),
    await start('off', {}),
    await start('on, 10 %', traced),
  ];
  const rounds = Number(option('rounds') ?? 5);
  const withoutBackends = { ...helpers, backends: () => [] };
  const results = await createRounds({ gateways, control, helpers: withoutBackends }).run({
    rounds,
    ...TIMES,
  });
  report(results, rounds);
});

function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Ratios of the same round, against the first gateway and against the one with telemetry off. */
function report(results, rounds) {
  const cpuOf = (name, round) => results.find((one) => one.gateway === name && one.round === round).cpuMs;
  const names = [...new Set(results.map(({ gateway }) => gateway))];
  const each = Array.from({ length: rounds }, (_, round) => round);
  for (const name of names) {
    const cpu = median(each.map((round) => cpuOf(name, round)));
    const against = (other) =>
      median(each.map((round) => (cpuOf(name, round) / cpuOf(other, round) - 1) * 100)).toFixed(1);
    const compared = names
      .slice(0, names.indexOf(name))
      .map((other) => `${against(other)} % against ${other}`);
    console.log([name, `${cpu.toFixed(4)} CPU ms a request`, ...compared].join('; '));
  }
}
