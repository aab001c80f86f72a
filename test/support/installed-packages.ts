import { execFile } from 'node:child_process';
import { access, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const BROUGHT = ['jose', 'undici'];

/** A child process without the options that Jest runs under; rejects with `code` where it fails. */
export async function run(file: string, args: readonly string[], cwd: string) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return promisify(execFile)(file, [...args], { cwd, env, maxBuffer: 16_777_216 });
}

/**
 * Packs the libraries and installs their tarballs, and nothing of this repository, in a folder of its own, without
 * network: what they bring is packed from `node_modules` as it was published. `graphql` is linked, as a host has it.
 *
 * @returns the tarballs by the name of the package
 */
export async function installPackages(folder: string): Promise<ReadonlyMap<string, string>> {
  const packed = join(folder, 'tarballs');
  await mkdir(packed, { recursive: true });
  const { stdout } = await run(process.execPath, ['tools/pack-packages.js', packed], resolve('.'));
  const all = stdout.trim().split('\n');
  // What the command line brings is not at hand without network.
  const own = all.filter((file) => !basename(file).startsWith('aduana-cli-'));
  const brought = await Promise.all(
    BROUGHT.map(async (name) => {
      const args = [
        'pack',
        '--silent',
        '--ignore-scripts',
        '--pack-destination',
        packed,
        resolve('node_modules', name),
      ];
      return join(packed, (await run('npm', args, folder)).stdout.trim());
    }),
  );
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const quiet = ['--offline', '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...quiet, ...own, ...brought], folder);
  await linkPackage('graphql', folder);
  return new Map(all.map((file) => [/^aduana-([a-z-]+)-\d/.exec(basename(file))?.[1] ?? file, file]));
}

/** Every package of this repository's `node_modules` that the folder has not installed, as a host would have them. */
export async function linkOtherPackages(folder: string): Promise<void> {
  for (const name of await readdir('node_modules')) {
    if (name.startsWith('.') || name === '@aduana') continue;
    if (!name.startsWith('@')) await linkPackage(name, folder);
    else
      for (const inner of await readdir(join('node_modules', name)))
        await linkPackage(`${name}/${inner}`, folder);
  }
}

async function linkPackage(name: string, folder: string): Promise<void> {
  const link = join(folder, 'node_modules', name);
  if (await access(link).then(() => true, () => false)) return; // prettier-ignore
  await mkdir(dirname(link), { recursive: true });
  await symlink(resolve('node_modules', name), link);
}

/** Puts the packed command line beside the installed packages, with this repository's packages as what it brings. */
export async function installCommandLine(folder: string, tarball: string): Promise<void> {
  const target = join(folder, 'node_modules/@aduana/cli');
  await mkdir(target, { recursive: true });
  await run('tar', ['xzf', tarball, '-C', target, '--strip-components=1'], folder);
  await linkOtherPackages(folder);
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await symlink('../@aduana/cli/dist/cli/main.js', join(folder, 'node_modules/.bin/aduana'));
}
