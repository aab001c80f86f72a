// Packs the public packages as they are published:  npm run pack:packages [FOLDER]   (default: dist/packages)
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PACKAGES = ['core', 'client', 'subgraph', 'audit-verifier'];
const SHARED_FILES = ['LICENSE', 'NOTICE'];
const OWN_FILES = ['package.json', 'README.md', 'dist'];

const folder = resolve(process.argv[2] ?? 'dist/packages');
mkdirSync(folder, { recursive: true });
for (const name of PACKAGES) pack((stage) => stageFiles(join('packages', name), stage, OWN_FILES));
pack(stageCli);

function pack(fill) {
  const stage = mkdtempSync(join(tmpdir(), 'aduana-pack-'));
  try {
    for (const file of SHARED_FILES) cpSync(file, join(stage, file));
    fill(stage);
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: stage });
    process.stdout.write(`${join(folder, packed.toString('utf8').trim())}\n`);
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function stageFiles(from, stage, files) {
  for (const file of files) cpSync(join(from, file), join(stage, file), { recursive: true });
}

/** The command line with the services. The server kit is private: it travels inside, and what it needs is needed by the whole. */
function stageCli(stage) {
  const { name, version, description, license, type, engines, bin, dependencies } = readManifest('.');
  const kit = readManifest('packages/server-kit');
  const manifest = {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin,
    files: ['dist', 'NOTICE'],
    bundleDependencies: [kit.name],
    dependencies: sorted({ ...kit.dependencies, ...dependencies }),
  };
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync('README.md', join(stage, 'README.md'));
  cpSync('dist', join(stage, 'dist'), {
    recursive: true,
    filter: (path) => !path.startsWith(join('dist', 'packages')) && !path.endsWith('.tsbuildinfo'),
  });
  const inside = join(stage, 'node_modules', kit.name);
  mkdirSync(inside, { recursive: true });
  stageFiles('packages/server-kit', inside, ['package.json', 'dist']);
}

function readManifest(directory) {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
}

function sorted(members) {
  return Object.fromEntries(Object.entries(members).sort(([one], [other]) => (one < other ? -1 : 1)));
}
