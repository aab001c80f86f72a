import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readWebFiles } from '../../console/server/web-files.ts';

describe('the built pages', () => {
  const script = 'console.log("aduana");\n'.repeat(200);
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-web-'));
    await mkdir(join(folder, 'assets'));
    await writeFile(join(folder, 'index.html'), '<!doctype html>');
    await writeFile(join(folder, 'assets/app.1a2b.js'), script);
    await writeFile(join(folder, 'assets/app.1a2b.js.map'), '{}');
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each([
    ['gzip, deflate, br', 'br'],
    ['gzip;q=0.5, br;q=0', 'gzip'],
    ['identity', undefined],
    ['', undefined],
  ])('for %p are sent as %p', async (accepted, encoding) => {
    const { assets } = await readWebFiles(folder);
    const encoded = await assets.get('app.1a2b.js')?.encoded(accepted);
    expect(encoded?.encoding).toBe(encoding);
    const bytes = Buffer.from(encoded?.bytes ?? []);
    const plain =
      encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes;
    expect(plain.toString()).toBe(script);
  });

  test('are those of the build and nothing else: no map, no path', async () => {
    const { assets } = await readWebFiles(folder);
    expect([...assets.keys()]).toEqual(['app.1a2b.js']);
    expect(assets.get('../index.html')).toBeUndefined();
  });

  test('that were not built are replaced by a page that says what to do', async () => {
    const { index, assets } = await readWebFiles(join(folder, 'nowhere'));
    expect(Buffer.from((await index.encoded('')).bytes).toString()).toContain('npm run build');
    expect(assets.size).toBe(0);
  });
});
