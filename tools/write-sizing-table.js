// `node tools/write-sizing-table.js`: the tables of docs/guides/sizing.md, made of the committed measurements.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createFiguresTable, createSizingTable } from './sizing.js';

const ROOT = resolve(import.meta.dirname, '..');

/** Benches whose results it shows call it when they keep them, so that page and results do not part. */
export function writeSizingTables() {
  const file = resolve(ROOT, 'docs/guides/sizing.md');
  const replace = (text, name, table) => {
    const begin = text.indexOf('\n', text.indexOf(`<!-- ${name}:`)) + 1;
    return text.slice(0, begin) + table + text.slice(text.indexOf(`<!-- /${name} -->`));
  };
  const text = replace(readFileSync(file, 'utf8'), 'sizes', createSizingTable());
  writeFileSync(file, replace(text, 'figures', createFiguresTable()));
  const prettier = resolve(ROOT, 'node_modules/prettier/bin/prettier.cjs');
  execFileSync(process.execPath, [prettier, '--write', file]);
}

if (process.argv[1] === import.meta.filename) writeSizingTables();
