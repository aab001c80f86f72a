// npm run sbom [FILE]: what the services run on, as a CycloneDX document (default: dist/sbom.cdx.json). `npm sbom` leaves
// out what is needed for development as well, such as graphql, so it is written from the lock file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { nameOf, productionPackages, readLock } from './production-packages.js';

const file = process.argv[2] ?? 'dist/sbom.cdx.json';
const packages = readLock();
const { name: project, version, license } = JSON.parse(readFileSync('package.json', 'utf8'));
const reached = productionPackages(packages);
const identityOf = (path) => {
  const { name = path === '' ? project : nameOf(path), version: locked } = packages[path];
  return { name, version: path === '' ? version : locked };
};
const purlOf = (path) => {
  const { name, version: locked } = identityOf(path);
  return `pkg:npm/${name.replace('@', '%40')}@${locked}`;
};
const components = new Map();
for (const path of reached.keys()) if (path !== '') components.set(purlOf(path), componentOf(path));
const edges = new Map([purlOf(''), ...components.keys()].map((purl) => [purl, new Set()]));
for (const [path, targets] of reached)
  for (const target of targets) edges.get(purlOf(path)).add(purlOf(target));

const sbom = {
  $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: {
    component: {
      type: 'application',
      'bom-ref': purlOf(''),
      name: project,
      version,
      purl: purlOf(''),
      licenses: [{ license: { id: license } }],
    },
  },
  components: [...components.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  dependencies: [...edges].map(([ref, targets]) => ({ ref, dependsOn: [...targets].sort() })),
};
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(sbom, undefined, 2)}\n`);
console.log(`${file}: ${String(components.size)} components`);

function componentOf(path) {
  const { integrity, license: licence } = packages[path];
  const purl = purlOf(path);
  const [algorithm, digest = ''] = integrity?.split('-') ?? [];
  return {
    type: 'library',
    'bom-ref': purl,
    ...identityOf(path),
    purl,
    ...(algorithm === 'sha512' && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
    }),
    ...(typeof licence === 'string' && {
      licenses: [/[ (]/.test(licence) ? { expression: licence } : { license: { id: licence } }],
    }),
  };
}
