import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The lock file's packages by their path; `''` is the project itself. */
export function readLock() {
  return JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
}

/**
 * What production code can reach, as a map from each package's path to the paths of those that it depends on.
 * The dependencies of a package in `leaves` are not followed.
 */
export function productionPackages(packages, leaves = new Set()) {
  const reached = new Map();
  const open = [''];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue;
    const targets = leaves.has(nameOf(path)) ? [] : dependenciesOf(packages, path);
    reached.set(path, targets);
    open.push(...targets);
  }
  return reached;
}

/** A package's name by its path in the lock file. */
export function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function dependenciesOf(packages, path) {
  const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta } = packages[path];
  const peers = Object.keys(peerDependencies).filter(
    (name) => peerDependenciesMeta?.[name]?.optional !== true,
  );
  const names = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers];
  return names.map((name) => find(packages, name, path)).filter((found) => found !== undefined);
}

/** Where Node would find a package from another: in the nearest node_modules above; a workspace by its folder. */
function find(packages, name, from) {
  for (let folder = from; ; folder = dirname(folder) === '.' ? '' : dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    const found = packages[candidate];
    if (found !== undefined) return found.link === true ? found.resolved : candidate;
    if (folder === '') return undefined;
  }
}
