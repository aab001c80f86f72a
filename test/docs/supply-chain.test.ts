import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}

/** What each lock file installs from a registry, by name. */
function lockedIn(folder: string): readonly (readonly [string, LockedPackage])[] {
  const text = readFileSync(join(folder, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && link !== true)
    .map(([path, locked]) => [path.slice(path.lastIndexOf('node_modules/') + 13), locked]);
}
const LOCKED = lockedIn('.');

function versionOf(name: string): string {
  return LOCKED.find(([locked]) => locked === name)?.[1].version ?? '';
}

describe('licences', () => {
  const PERMISSIVE = new Set([
    '0BSD',
    'Apache-2.0',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'BlueOak-1.0.0',
    'ISC',
    'MIT',
    'PSF-2.0',
    'Python-2.0',
    'Apache-2.0 AND MIT',
    '(MIT AND BSD-3-Clause)',
    '(MIT OR CC0-1.0)',
  ]);
  /** Not part of what runs, and neither changed nor passed on. */
  const TOOLS = new Map([
    ['axe-core', 'MPL-2.0'],
    ['caniuse-lite', 'CC-BY-4.0'],
    ['isbot', 'Unlicense; of the router, for servers that render, so that no page holds it'],
    ['tv4', 'public domain or MIT, written as a list'],
  ]);

  test('are permissive, or NOTICE names the package', () => {
    const notice = readFileSync('NOTICE', 'utf8');
    const [, elastic = ''] = /Elastic License 2\.0[^:]*:\s+((?:@?[\w/-]+,?\s+)+?)\n\n?The gateway/.exec(notice) ?? [];
    const named = elastic.split(/[\s,]+/).filter((name) => name !== '');
    const others = LOCKED.filter(
      ([name, { license, dev }]) => !PERMISSIVE.has(String(license)) && !(dev === true && TOOLS.has(name)),
    );
    expect(new Set(others.map(([, { license }]) => license))).toEqual(new Set(['Elastic-2.0']));
    expect(others.map(([name]) => name).sort()).toEqual(named.sort());
  }); // prettier-ignore
});

describe('installing', () => {
  /** What they would do is to print a warning, to build what is shipped built, or to look whether that is there. */
  const WITHOUT_THEIR_SCRIPTS = [
    '@apollo/protobufjs',
    '@parcel/watcher',
    '@swc/core',
    'esbuild',
    'fsevents',
    'protobufjs',
    'unrs-resolver',
  ];

  test.each(['.', 'bench/peers'])('%s runs no code of any package', (folder) => {
    expect(readFileSync(join(folder, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m);
    const scripts = lockedIn(folder).filter(([, { hasInstallScript }]) => hasInstallScript === true);
    for (const [name] of scripts) expect(WITHOUT_THEIR_SCRIPTS).toContain(name);
  });

  test('tools/node24 runs the one that puts a Node binary into its place', () => {
    const scripts = lockedIn('tools/node24').filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(scripts.map(([name]) => name)).toEqual(['node']);
  });

  test.each(['.', 'bench/peers', 'tools/node24', 'tools/kubernetes'])(
    '%s takes packages by their hash alone',
    (folder) => {
      for (const [name, { integrity, resolved }] of lockedIn(folder)) {
        expect([name, integrity]).toEqual([name, expect.stringMatching(/^sha512-/)]);
        if (resolved !== undefined) expect(resolved).toMatch(/^https:\/\/registry\.npmjs\.org\//);
      }
    },
  );

  test('what production code needs is pinned to one version', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Readonly<Record<string, string>>;
    };
    for (const version of Object.values(dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

test('npm run sbom writes a CycloneDX document that holds every package that runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sbom-'));
  try {
    const file = join(folder, 'sbom.json');
    execFileSync('npm', ['run', '--silent', 'sbom', '--', file], { stdio: 'pipe' });
    const sbom = JSON.parse(readFileSync(file, 'utf8')) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: readonly { name: string; version: string; purl: string }[];
    };
    expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: '@aduana/cli' } } });
    const held = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`));
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Readonly<Record<string, string>>;
    };
    for (const [name, version] of Object.entries({ ...dependencies, pg: versionOf('pg') }))
      expect(held).toContain(`${name}@${version}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
