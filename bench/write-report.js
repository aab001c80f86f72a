import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { writeSizingTables } from '../tools/write-sizing-table.js';
import { drawChart } from './draw-chart.js';

const FOLDER = new URL('results/', import.meta.url);
/** The runs from which the guide to sizing is computed. */
const SIZING = new Set(['quick', 'audit-cost']);

/** Prints the table with ratios and keeps a run of all gateways, with machine and versions, as JSON and as a picture. */
export function writeReport(mode, results, isWhole) {
  const rows = summarize(results);
  for (const query of ['big', 'medium', 'small'])
    for (const connections of [...new Set(rows.map((row) => row.connections))])
      print(
        query,
        connections,
        rows.filter((row) => row.query === query && row.connections === connections),
      );
  if (mode === 'smoke' || !isWhole) return;
  keepResults(mode, peerVersions(), { rows });
  writeFileSync(new URL(`${mode}.svg`, FOLDER), drawChart(rows));
  console.log(`written: bench/results/${mode}.svg`);
}

/** Keeps what was measured as `results/<mode>.json`, with the machine and the versions of what took part. */
export function keepResults(mode, versions, measured) {
  mkdirSync(FOLDER, { recursive: true });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const report = {
    measuredAt: new Date().toISOString(),
    mode,
    machine: machine(),
    versions: { node: process.version, aduana: commit, ...versions },
    ...measured,
  };
  writeFileSync(new URL(`${mode}.json`, FOLDER), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\nwritten: bench/results/${mode}.json`);
  if (SIZING.has(mode)) writeSizingTables();
}

/** The median over the rounds. */
function summarize(results) {
  const groups = new Map();
  for (const result of results) {
    const key = [result.gateway, result.query, result.connections].join('|');
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const [{ gateway, query, connections }] = group;
    const median = (name) => {
      const values = group.map((one) => one[name]).sort((a, b) => a - b);
      return (values[(values.length - 1) >> 1] + values[values.length >> 1]) / 2;
    };
    const names = ['cpuMs', 'allCpuMs', 'rps', 'calls', 'p50', 'p99', 'rssMiB'];
    return {
      gateway,
      query,
      connections,
      ...Object.fromEntries(names.map((name) => [name, round(median(name))])),
    };
  });
}

function round(value) {
  return Number(value.toPrecision(4));
}

function print(query, connections, rows) {
  const ours = rows.find(({ gateway }) => gateway === 'aduana');
  console.log(
    `\n${query}, ${connections} connections${' '.repeat(4)}(CPU of the gateway's process per request; all: with helpers, subgraphs and database)`,
  );
  console.log(
    line(['gateway', 'CPU ms', 'of aduana', 'all ms', 'RPS', 'calls', 'p50 ms', 'p99 ms', 'RSS MiB']),
  );
  for (const row of rows)
    console.log(
      line([
        row.gateway,
        row.cpuMs.toFixed(3),
        ours === undefined ? '' : `${(row.cpuMs / ours.cpuMs).toFixed(2)} x`,
        row.allCpuMs.toFixed(3),
        row.rps.toFixed(0),
        row.calls.toFixed(2),
        row.p50.toFixed(1),
        row.p99.toFixed(1),
        row.rssMiB.toFixed(0),
      ]),
    );
}

function line([first, ...rest]) {
  return first.padEnd(24) + rest.map((cell) => cell.padStart(10)).join('');
}

function machine() {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAtEnd: readFileSync('/proc/loadavg', 'utf8').trim(),
  };
}

function peerVersions() {
  return JSON.parse(readFileSync(new URL('peers/package.json', import.meta.url), 'utf8')).dependencies;
}
