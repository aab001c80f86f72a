// `node tools/write-dashboards.js`: Grafana's dashboards in deploy/observability/dashboards, made of the metric catalogue.
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { METRICS } from '../packages/core/dist/platform/metric-catalogue.js';
import { createDashboards } from './dashboards.js';

const folder = resolve(import.meta.dirname, '../deploy/observability/dashboards');
mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of createDashboards(METRICS))
  writeFileSync(resolve(folder, `${name}.json`), `${JSON.stringify(dashboard, null, 2)}\n`);
