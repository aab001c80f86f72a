// `node tools/write-metrics-table.js`: the table of metrics in docs/telemetry.md, made of the metric catalogue.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { METRICS } from '../packages/core/dist/platform/metric-catalogue.js';
import { createMetricsTable } from './metrics-table.js';

const file = resolve(import.meta.dirname, '../docs/telemetry.md');
const text = readFileSync(file, 'utf8');
const begin = text.indexOf('\n', text.indexOf('<!-- metrics')) + 1;
const end = text.indexOf('<!-- /metrics');
writeFileSync(file, text.slice(0, begin) + createMetricsTable(METRICS) + text.slice(end));
execFileSync(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--write', file]);
