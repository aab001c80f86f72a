// What a deployment of a size takes, from what was measured: `node tools/sizing.js --requests-per-day 1e9 --mutations 0.1
// --peak 3 --retention-days 30 [--json]`. docs/guides/sizing.md holds its table for some sizes.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const SECONDS_PER_DAY = 86_400;
/** How much of a core is planned to be busy at the peak. */
const UTILISATION = 0.6;
const DEFAULTS = { mutations: 0.1, peak: 3, retentionDays: 30 };

const readResults = (name) =>
  JSON.parse(readFileSync(new URL(`../bench/results/${name}.json`, import.meta.url), 'utf8'));

/** Of the committed runs of `npm run bench` and `npm run bench:audit-cost -- --keep`. */
export function readFigures() {
  const request = readResults('quick').rows.find(
    ({ gateway, query }) => gateway === 'aduana unshared' && query === 'medium',
  );
  const { results } = readResults('audit-cost');
  // where few events share a transaction, which is the dearest
  const event = results.find(({ load }) => load === '500/s');
  const saturated = results.find(({ load }) => load === 'saturated');
  return {
    gatewayMs: request.cpuMs,
    auditUs: event.auditUs,
    postgresUs: event.postgresUs,
    storedBytes: event.storedBytes,
    eventsPerSecond: saturated.perSecond,
  };
}

/** @param load `requestsPerDay`; the share of `mutations`; `peak`, in means; `retentionDays` */
export function sizeOf(load, figures = readFigures()) {
  const { requestsPerDay, mutations, peak, retentionDays } = { ...DEFAULTS, ...load };
  const events = requestsPerDay * (1 + mutations); // a mutation is recorded before it runs, and after it
  const peakRequests = (requestsPerDay / SECONDS_PER_DAY) * peak;
  const peakEvents = (events / SECONDS_PER_DAY) * peak;
  const cores = (perSecond, seconds) => (perSecond * seconds) / UTILISATION;
  const gigabytesPerDay = (events * figures.storedBytes) / 1e9;
  return {
    requestsPerSecond: peakRequests,
    eventsPerSecond: peakEvents,
    gatewayCores: cores(peakRequests, figures.gatewayMs / 1e3),
    auditCores: cores(peakEvents, figures.auditUs / 1e6),
    postgresCores: cores(peakEvents, figures.postgresUs / 1e6),
    gigabytesPerDay,
    gigabytesKept: gigabytesPerDay * retentionDays,
    logs: Math.ceil(peakEvents / figures.eventsPerSecond),
  };
}

const SIZES = [1e6, 1e7, 1e8, 1e9];

/** Markdown, for a tenth of mutations, a peak of three means, and thirty days. */
export function createSizingTable(figures = readFigures()) {
  const number = (value) =>
    (value >= 10 ? Math.ceil(value) : Math.ceil(value * 10) / 10).toLocaleString('en');
  const rows = SIZES.map((requestsPerDay) => {
    const size = sizeOf({ requestsPerDay }, figures);
    return [
      requestsPerDay.toLocaleString('en'),
      ...[size.requestsPerSecond, size.gatewayCores, size.auditCores, size.postgresCores].map(number),
      ...[size.gigabytesPerDay, size.gigabytesKept].map(number),
      String(size.logs),
    ];
  });
  const head = [
    'Requests a day',
    'Requests/s at the peak',
    'Gateway cores',
    'Audit cores',
    'PostgreSQL cores',
    'GB a day',
    'GB kept 30 days',
    'Logs',
  ];
  return toTable(head, rows);
}

/** What the calculation starts from, and which bench measured it. */
export function createFiguresTable(figures = readFigures()) {
  const rows = [
    ['CPU of a gateway for each request', `${figures.gatewayMs.toFixed(2)} ms`, '`npm run bench`: three subgraph calls, nothing shared between callers'],
    ['CPU of the audit service for each event', `${figures.auditUs} us`, '`npm run bench:audit-cost`, at 500 events per second'],
    ['CPU of PostgreSQL for each event', `${figures.postgresUs} us`, 'the same; its backends alone, without its background processes'],
    ['Bytes in the database for each event', String(figures.storedBytes), 'the same; tables and indexes'],
    ['Events per second that one log has taken', String(figures.eventsPerSecond), 'the same, when 256 wait; service, client, STS and database on two busy cores'],
  ]; // prettier-ignore
  return toTable(['Figure', 'Value', 'Where it comes from'], rows);
}

function toTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |\n`;
  return `\n${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const names = ['requests-per-day', 'mutations', 'peak', 'retention-days'];
  const { values } = parseArgs({
    options: {
      ...Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
      json: { type: 'boolean' },
    },
  });
  const keys = { 'requests-per-day': 'requestsPerDay', 'retention-days': 'retentionDays' };
  const given = names.filter((name) => values[name] !== undefined);
  const load = Object.fromEntries(given.map((name) => [keys[name] ?? name, Number(values[name])]));
  if (!(load.requestsPerDay > 0)) throw new Error('--requests-per-day is a number above 0');
  const size = sizeOf(load);
  if (values.json) process.stdout.write(`${JSON.stringify(size)}\n`);
  else console.table(size);
}
