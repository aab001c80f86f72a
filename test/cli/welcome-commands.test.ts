import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { welcomeCommands } from '../../cli/welcome-commands.ts';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@inaccessible", "@authenticated"])\n';
const URL = 'https://one.example/';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-welcome-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function queriesFor(subgraphs: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const composition = composeSupergraph(
    Object.entries(subgraphs).map(([name, sdl]) => ({ name, url: URL, sdl: LINK + sdl, origin: name })),
  );
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  const file = path.join(folder, 'supergraph.graphql');
  await writeFile(file, composition.sdl);
  const commands = await welcomeCommands(file);
  return commands.map(([, command]) => command);
}

describe('the commands that a start prints', () => {
  test('for the example they are those of the guide', async () => {
    const commands = await welcomeCommands('gateway/supergraph.graphql');
    expect(commands.map(([what]) => what)).toEqual([
      'a query that works',
      'one that is partly refused',
      'an admin rotates the signing keys',
    ]);
  });

  test('for another graph they ask a field that clients may know, without what is hidden from them', async () => {
    const shop = `type Query { stock: Int @inaccessible needs(id: ID!): Int items: [Item] }
      type Item { secret: Int @inaccessible id: ID! name: String maker: Maker price: Int weight: Int }
      type Maker { name: String }`;
    expect(await queriesFor({ shop })).toEqual([
      "npx aduana query --as bff '{ items { id name price } }'",
      'npx aduana policy explain --as bff',
    ]);
  });

  test("a field of Aduana's own subgraphs is no query on your graph", async () => {
    const sts = 'type Query { whoami: Me } type Me { subject: ID }';
    expect(await queriesFor({ sts, shop: 'type Query { zone: Zone } type Zone { at: Zone }' })).toEqual([
      "npx aduana query --as bff '{ zone { __typename } }'",
      "npx aduana query --as bff '{ whoami { subject } }'",
      'npx aduana policy explain --as bff',
    ]);
  });

  test('there are none where the file holds no graph', async () => {
    const file = path.join(folder, 'broken.graphql');
    await writeFile(file, 'type Query {');
    await expect(welcomeCommands(file)).rejects.toThrow();
  });
});
