import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { installPackages, run } from '../support/installed-packages.ts';

const PUBLIC = ['core', 'client', 'subgraph', 'audit-verifier'] as const;
const MOST_PACKAGES = 15;
const MOST_BYTES = 12_000_000;

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

let folder: string;
let tarballs: ReadonlyMap<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-packed-'));
  tarballs = await installPackages(folder);
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function manifestOf(name: string): Promise<Manifest> {
  return JSON.parse(
    await readFile(join(folder, 'node_modules/@aduana', name, 'package.json'), 'utf8'),
  ) as Manifest;
}

/** A package with all that it brings, as paths of installed packages. */
async function closureOf(name: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  if (found.has(name)) return found;
  found.add(name);
  const file = join(folder, 'node_modules', name, 'package.json');
  const { dependencies = {} } = JSON.parse(await readFile(file, 'utf8')) as Manifest;
  for (const dependency of Object.keys(dependencies)) await closureOf(dependency, found);
  return found;
}

async function bytesIn(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

describe('the packed packages', () => {
  test.each(['subgraph', 'client'])(
    '@aduana/%s brings few packages and few bytes besides graphql',
    async (name) => {
      const closure = await closureOf(`@aduana/${name}`);
      const bytes = await Promise.all(
        [...closure].map((found) => bytesIn(join(folder, 'node_modules', found))),
      );
      expect([...closure].sort()).toEqual(['@aduana/core', `@aduana/${name}`, 'jose', 'undici'].sort());
      expect(closure.size).toBeLessThanOrEqual(MOST_PACKAGES);
      expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
    },
  );

  test('@aduana/audit-verifier brings nothing', async () => {
    expect([...(await closureOf('@aduana/audit-verifier'))]).toEqual(['@aduana/audit-verifier']);
  });

  test.each(PUBLIC)('@aduana/%s holds compiled code and its papers, and no install script', async (name) => {
    const root = join(folder, 'node_modules/@aduana', name);
    expect((await readdir(root)).sort()).toEqual(['LICENSE', 'NOTICE', 'README.md', 'dist', 'package.json']);
    const files = await readdir(join(root, 'dist'), { recursive: true });
    expect(
      files.filter((file) => /\.(?:[cm]?[jt]s|tsbuildinfo)$/.test(file) && !/\.(?:d\.ts|js)$/.test(file)),
    ).toEqual([]);
    expect(Object.keys((await manifestOf(name)).scripts ?? {})).toEqual([]);
  });

  test.each(PUBLIC)('each module of @aduana/%s can be imported at run time, and no other', async (name) => {
    const { name: full, exports } = await manifestOf(name);
    const modules = Object.keys(exports).filter((path) => path !== './package.json');
    const code = `for (const path of ${JSON.stringify(modules)}) await import(${JSON.stringify(full)} + path.slice(1));
      await import(${JSON.stringify(`${full}/dist/${name}.js`)}).then(
        () => process.exit(1),
        (error) => console.log(error.code));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], folder);
    expect(stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  test.each(PUBLIC)(
    'publint and attw find nothing in @aduana/%s',
    async (name) => {
      const tarball = tarballs.get(name) ?? '';
      const publint = await run(resolve('node_modules/.bin/publint'), ['run', tarball, '--strict'], folder);
      expect(publint.stdout).toContain('All good!');
      await run(resolve('node_modules/.bin/attw'), [tarball, '--profile', 'esm-only'], folder);
    },
    240_000,
  );

  test.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])(
    'types resolve with module %s and moduleResolution %s',
    async (module, moduleResolution) => {
      const consumer = join(folder, `consumer-${moduleResolution}`);
      await mkdir(consumer);
      await writeFile(join(consumer, 'consumer.ts'), CONSUMER);
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'es2023',
        lib: ['es2023'],
        types: ['node'],
        typeRoots: [resolve('node_modules/@types')],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      };
      await writeFile(
        join(consumer, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
      );
      const { stdout } = await run(resolve('node_modules/.bin/tsc'), ['-p', consumer], folder);
      expect(stdout).toBe('');
    },
    240_000,
  );

  test('the verifier runs by its own command', async () => {
    const bin = join(folder, 'node_modules/.bin/aduana-audit-verify');
    await expect(run(bin, ['/nowhere'], folder)).rejects.toMatchObject({ code: 3 });
  });
});

const CONSUMER = `
import { createServer } from 'node:https';
import { verifyConsistency, verifyExport, verifyInclusion } from '@aduana/audit-verifier';
import { askGateway, openAuditClient, openClient } from '@aduana/client';
import { createErrorMask, fromEnvironment, guardSchema, openSubgraph, refuseIntrospection } from '@aduana/subgraph';
import { admitExpress } from '@aduana/subgraph/express';
import { admitFastify } from '@aduana/subgraph/fastify';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import { buildSchema } from 'graphql';

const options = { service: 'orders', certsDir: 'certs', stsUrl: 'https://sts:8011', trustDomain: 'aduana.local' };
const subgraph = await openSubgraph({ ...options, ...fromEnvironment({}) });
const schema = guardSchema(buildSchema('type Query { a: Int }'), 'type Query { a: Int }', { mode: 'dry_run' });
const server = createServer(subgraph.tls, admitNodeHttp(subgraph, (_request, response, token) => {
  const subject: string = token.claims.sub;
  response.end(subject);
}));
subgraph.attach(server);
const client = await openClient({ ...options, gatewayUrl: 'https://gateway:4443' });
const { data } = await askGateway(client.gateway, { document: '{ a }', token: await client.sts.ownToken('gateway') });
const { verdict } = await verifyExport('folder', { vkey: 'key' });
const whole: boolean = verdict === 'WHOLE' && verifyInclusion({ index: 0, size: 1, leaf: '00', proof: [], root: '' });
// @ts-expect-error: an option is missing
await openSubgraph({ service: 'orders' });
// @ts-expect-error: not one of the verdicts
verdict === 'FINE';
export { admitExpress, admitFastify, createErrorMask, data, openAuditClient, refuseIntrospection, schema, verifyConsistency, whole };
`;
