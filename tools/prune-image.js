// Removes from an installed tree what the services never load: for container images alone.  node tools/prune-image.js
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nameOf, productionPackages, readLock } from './production-packages.js';

// The explorer page serves one built file of each of these, which holds all of their dependencies.
const BUNDLED = { graphiql: ['graphiql.min.js', 'graphiql.min.css'], react: ['umd'], 'react-dom': ['umd'] };
const NOT_LOADED = /\.(map|d\.[cm]?ts|[cm]?ts|tsx|flow|md|markdown)$/i;
// Builds for bundlers and browsers beside the one that Node resolves, and sources beside what is built from them.
const OTHER_BUILDS = [
  /^@opentelemetry\/[^/]+\/build\/(esm|esnext)$/,
  /^@opentelemetry\/[^/]+\/dist\/(esm|esnext)$/,
  /^@(smithy|aws-sdk)\/[^/]+\/dist-(es|types)$/,
  /^(zod|@apollo\/server|codemirror)\/src$/,
  /^lodash\/fp$/,
];
const packages = readLock();
const reached = productionPackages(packages, new Set(Object.keys(BUNDLED)));
const needed = new Set(
  [...reached].flatMap(([, targets]) => targets).filter((path) => !nameOf(path).startsWith('@types/')),
);
for (const path of Object.keys(packages))
  if (path.startsWith('node_modules/') && packages[path].link !== true && !needed.has(path)) remove(path);
for (const [name, files] of Object.entries(BUNDLED)) {
  const keep = new Set(['package.json', 'LICENSE', ...files]);
  for (const entry of readdirSync(`node_modules/${name}`))
    if (!keep.has(entry)) remove(`node_modules/${name}/${entry}`);
}
sweep('node_modules');
sweep('packages');

function sweep(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const inPackage = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (entry.isSymbolicLink()) continue;
    if (!entry.isDirectory()) {
      if (NOT_LOADED.test(entry.name)) remove(path);
    } else if (OTHER_BUILDS.some((build) => build.test(inPackage)) || /^packages\/[^/]+\/src$/.test(path))
      remove(path);
    else sweep(path);
  }
}

function remove(path) {
  rmSync(path, { recursive: true, force: true });
}
