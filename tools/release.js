// npm run release [-- --out FOLDER] [--allow-dirty]: packs the public packages in lockstep, with the list of what they bring
// (CycloneDX), where they come from (in-toto statement with SLSA provenance v1) and their digests. Publishes nothing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist/release' },
    'allow-dirty': { type: 'boolean', default: false },
  },
});
const startedOn = new Date().toISOString();
const folder = resolve(values.out);
const git = (...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
const manifests = ['.', ...readdirSync('packages').map((name) => join('packages', name))].map((path) =>
  JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')),
);

const problems = [...versionProblems(), ...treeProblems()];
if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  process.exit(1);
}
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const packed = execFileSync(process.execPath, ['tools/pack-packages.js', folder], { encoding: 'utf8' });
const tarballs = packed.trim().split('\n');
execFileSync(process.execPath, ['tools/write-sbom.js', join(folder, 'sbom.cdx.json')]);
writeJson('provenance.intoto.json', provenance());
const files = readdirSync(folder).sort();
writeFileSync(
  join(folder, 'SHA256SUMS'),
  files.map((name) => `${digestOf(join(folder, name))}  ${name}\n`).join(''),
);
console.log([...files, 'SHA256SUMS'].map((name) => join(values.out, name)).join('\n'));
console.log(
  `Next: npm publish ${values.out}/aduana-<name>-${manifests[0].version}.tgz, core first and cli last`,
);

/** All packages have one version, and ask for each other by exactly that. */
function versionProblems() {
  const [{ version }] = manifests;
  return manifests.flatMap(({ name, version: own, dependencies = {} }) => [
    ...(own === version ? [] : [`${name} is ${own}, not ${version}`]),
    ...Object.entries(dependencies)
      .filter(([wanted, range]) => wanted.startsWith('@aduana/') && range !== version)
      .map(([wanted, range]) => `${name} asks for ${wanted} ${range}, not ${version}`),
  ]);
}

function treeProblems() {
  if (values['allow-dirty'] || git('status', '--porcelain') === '') return [];
  return ['The working tree differs from its commit: commit first, or say --allow-dirty'];
}

function provenance() {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: tarballs.map((file) => ({ name: basename(file), digest: { sha256: digestOf(file) } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:aduana:build:npm-run-release:1',
        externalParameters: { command: 'npm ci && npm run release' },
        internalParameters: { node: process.version, platform: `${process.platform}-${process.arch}` },
        resolvedDependencies: [
          { uri: 'git+local', digest: { gitCommit: git('rev-parse', 'HEAD') } },
          { uri: 'file:package-lock.json', digest: { sha256: digestOf('package-lock.json') } },
        ],
      },
      runDetails: {
        builder: { id: 'urn:aduana:builder:whoever-runs-this' },
        metadata: { startedOn, finishedOn: new Date().toISOString() },
      },
    },
  };
}

function writeJson(name, value) {
  writeFileSync(join(folder, name), `${JSON.stringify(value, undefined, 2)}\n`);
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
