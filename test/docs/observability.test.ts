import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { METRICS } from '@aduana/core/platform/metric-catalogue';
import { expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { describeWith } from '../support/foreign-parts.ts';
import { HAS_PROMETHEUS, RULES } from '../support/prometheus.ts';

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: { readonly summary: string; readonly runbook: string };
}

type Catalogue = typeof METRICS;

/** The tools are plain JavaScript, without types. */
async function loadTool(name: string): Promise<unknown> {
  return import(`../../tools/${name}.js`);
}
const { createDashboards } = (await loadTool('dashboards')) as {
  createDashboards(metrics: Catalogue): ReadonlyMap<string, object>;
};
const { createMetricsTable } = (await loadTool('metrics-table')) as {
  createMetricsTable(metrics: Catalogue): string;
};
const TESTS = RULES.replace('.rules.', '.test.');
const DASHBOARDS = 'deploy/observability/dashboards';
const { groups } = load(readFileSync(RULES, 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const ALERTS = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);

test('each alert has a severity, a summary and a page that says what to do', () => {
  const index = readFileSync('docs/runbooks/README.md', 'utf8');
  expect(ALERTS.length).toBeGreaterThan(10);
  for (const { alert = '', labels, annotations } of ALERTS) {
    expect([alert, labels?.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)]);
    const { runbook = '', summary = '' } = annotations ?? {};
    expect(summary).not.toBe('');
    const page = existsSync(runbook) ? readFileSync(runbook, 'utf8') : '';
    for (const part of [alert, '## What it means', '## What to do']) expect([runbook, page]).toEqual([runbook, expect.stringContaining(part)]);
    expect(index).toContain(`\`${alert}\``);
  }
}); // prettier-ignore

test('each alert has a unit test in which it fires, and one in which it does not', () => {
  const { tests } = load(readFileSync(TESTS, 'utf8')) as {
    tests: readonly { alert_rule_test: readonly { alertname: string; exp_alerts?: readonly object[] }[] }[];
  };
  const cases = tests.flatMap(({ alert_rule_test: of }) => of);
  const named = (fires: boolean): ReadonlySet<string> =>
    new Set(cases.filter(({ exp_alerts: alerts = [] }) => alerts.length > 0 === fires).map(({ alertname }) => alertname));
  for (const { alert = '' } of ALERTS)
    expect([alert, named(true).has(alert), named(false).has(alert)]).toEqual([alert, true, true]);
}); // prettier-ignore

test('rules and dashboards ask for metrics of the catalogue alone', () => {
  const texts = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  const asked = texts.join(' ').match(/\b(?:aduana|http_server|graphql)_[a-z_]+(?=[{[)\s]|$)/g) ?? [];
  const names = new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  const labels = new Set(Object.values(METRICS).flatMap((metric) => Object.keys(metric.labels)));
  expect([...names].filter((name) => !(name in METRICS) && !labels.has(name))).toEqual([]);
});

test('the dashboards are those that the catalogue makes: run `node tools/write-dashboards.js`', () => {
  const made = createDashboards(METRICS);
  expect(readdirSync(DASHBOARDS).sort()).toEqual([...made.keys()].map((name) => `${name}.json`).sort());
  for (const [name, dashboard] of made)
    expect(JSON.parse(readFileSync(`${DASHBOARDS}/${name}.json`, 'utf8'))).toEqual(dashboard);
});

test('the page of the metrics names each of the catalogue: run `node tools/write-metrics-table.js`', () => {
  const cells = (table: string): readonly string[] =>
    table.split('\n').filter((line) => /^\| `/.test(line)).map((line) => line.replace(/ +/g, ' ').trim());
  const page = readFileSync('docs/telemetry.md', 'utf8');
  const table = page.slice(page.indexOf('<!-- metrics'), page.indexOf('<!-- /metrics'));
  expect(cells(table)).toEqual(cells(createMetricsTable(METRICS)));
}); // prettier-ignore

describeWith('promtool', HAS_PROMETHEUS, 'promtool', () => {
  const promtool = (...args: string[]): string => execFileSync('promtool', args, { encoding: 'utf8' });

  test('has nothing against the rules and the example of a configuration', () => {
    expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', RULES)).toContain('SUCCESS');
    expect(promtool('check', 'config', 'deploy/observability/prometheus.yml')).toContain('SUCCESS');
  });

  test('runs the unit tests of all alerts', () => {
    expect(promtool('test', 'rules', TESTS)).toContain('SUCCESS');
  });
});
