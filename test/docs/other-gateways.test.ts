import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { codeBlocks } from '../support/code-blocks.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@authenticated", "@requiresScopes"])\n';
const SUBGRAPHS = {
  products:
    'type Query { products: [Product!]! @requiresScopes(scopes: [["products:read"]]) } type Product @key(fields: "id") @authenticated { id: ID! }',
  reviews: 'type Product @key(fields: "id") @authenticated { id: ID! reviews: [String!] }',
};

function supergraph(): string {
  const composed = composeSupergraph(
    Object.entries(SUBGRAPHS).map(([name, sdl]) => ({
      name,
      url: `https://${name}.internal/graphql`,
      origin: name,
      sdl: LINK + sdl,
    })),
  );
  if (!composed.ok) throw new Error(JSON.stringify(composed.problems));
  return composed.sdl;
}

test.each(['from-apollo-router', 'from-hive-gateway'])(
  'docs/guides/%s takes the configuration over and prints what it says',
  async (name) => {
    const blocks = codeBlocks(`docs/guides/${name}.md`);
    const commands = blocks.find(({ label }) => label === 'take-over')?.code ?? '';
    const printed =
      blocks
        .find(({ label }) => label === 'printed')
        ?.code.trimEnd()
        .split('\n') ?? [];
    expect([commands, ...printed].length).toBeGreaterThan(3);
    const folder = await mkdtemp(join(tmpdir(), 'aduana-gateways-'));
    try {
      await writeFile(join(folder, 'supergraph.graphql'), supergraph());
      for (const { language, label, code } of blocks)
        if (language === 'yaml') await writeFile(join(folder, label), code);
      await mkdir(join(folder, 'bin'));
      const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${resolve('dist/cli/main.js')}" "$@"\n`;
      await writeFile(join(folder, 'bin/npx'), npx);
      await chmod(join(folder, 'bin/npx'), 0o755);
      const { stdout } = await promisify(execFile)('sh', ['-ec', commands], {
        cwd: folder,
        env: { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` },
      });
      for (const line of printed) expect(stdout).toContain(line);
      expect(await readdir(folder)).toEqual(expect.arrayContaining(['.env', 'policies', 'supergraph.yaml']));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
