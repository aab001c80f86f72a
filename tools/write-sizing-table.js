// `node tools/write-sizing-table.js`: the table of docs/guides/sizing.md, made of the committed measurements.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSizingTable } from './sizing.js';

const file = resolve(import.meta.dirname, '../docs/guides/sizing.md');
const text = readFileSync(file, 'utf8');
const begin = text.indexOf('\n', text.indexOf('<!-- sizes')) + 1;
const end = text.indexOf('<!-- /sizes');
writeFileSync(file, text.slice(0, begin) + createSizingTable() + text.slice(end));
execFileSync(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--write', file]);
