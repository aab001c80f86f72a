import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from '../support/installed-packages.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-release-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function release(name: string, cwd = '.') {
  return run(
    process.execPath,
    [resolve('tools/release.js'), '--allow-dirty', '--out', join(folder, name)],
    resolve(cwd),
  );
}

const textOf = (...path: string[]): Promise<string> => readFile(join(folder, ...path), 'utf8');

test('a release holds the packages, what they bring, where they come from and their digests; twice the same packages', async () => {
  await release('one');
  await release('two');
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const tarballs = ['audit-verifier', 'cli', 'client', 'core', 'subgraph'].map(
    (name) => `aduana-${name}-${version}.tgz`,
  );
  expect((await readdir(join(folder, 'one'))).sort()).toEqual(
    ['SHA256SUMS', ...tarballs, 'provenance.intoto.json', 'sbom.cdx.json'].sort(),
  );
  await promisify(execFile)('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: join(folder, 'one') });
  const { subject } = JSON.parse(await textOf('one', 'provenance.intoto.json')) as {
    subject: readonly { name: string; digest: { sha256: string } }[];
  };
  const sums = await textOf('one', 'SHA256SUMS');
  expect(subject.map(({ name }) => name).sort()).toEqual(tarballs);
  for (const { name, digest } of subject) expect(sums).toContain(`${digest.sha256}  ${name}\n`);
  const packagesOf = (text: string) => text.split('\n').filter((line) => line.endsWith('.tgz'));
  expect(packagesOf(await textOf('two', 'SHA256SUMS'))).toEqual(packagesOf(sums));
});

test('packages whose versions differ are not released', async () => {
  const copy = join(folder, 'clone');
  await run('git', ['clone', '--quiet', '--depth', '1', `file://${resolve('.')}`, copy], folder);
  await symlink(resolve('node_modules'), join(copy, 'node_modules'));
  await cp('package.json', join(copy, 'package.json'));
  const file = join(copy, 'packages/client/package.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/"version": "[^"]*"/, '"version": "9.9.9"'));
  await expect(release('three', copy)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('@aduana/client is 9.9.9'),
  });
});
