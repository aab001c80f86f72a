import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** The built pages, read once: nothing that a request names is looked for on disk. */
export interface WebFiles {
  readonly index: WebFile;
  /** By name, as in `/assets/<name>`. */
  readonly assets: ReadonlyMap<string, WebFile>;
}

export interface WebFile {
  readonly type: string;
  /** @param accepted the `Accept-Encoding` of the request */
  encoded(accepted: string): Promise<EncodedFile>;
}

export interface EncodedFile {
  readonly bytes: Uint8Array;
  readonly encoding: 'br' | 'gzip' | undefined;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['html', 'text/html; charset=utf-8'],
  ['js', 'text/javascript; charset=utf-8'],
  ['css', 'text/css; charset=utf-8'],
  ['svg', 'image/svg+xml'],
  ['png', 'image/png'],
  ['woff2', 'font/woff2'],
  ['json', 'application/json; charset=utf-8'],
]);
const COMPRESSED_ALREADY: ReadonlySet<string> = new Set(['png', 'woff2']);
const NOT_BUILT =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Aduana</title><h1>Aduana</h1><p>The pages of the console are not built: run <code>npm run build</code>.</p></html>\n';
const BROTLI_QUALITY = 9;

/** Reads what the build left in a folder; a page that says what to do where it left nothing. */
export async function readWebFiles(folder: string): Promise<WebFiles> {
  const index = await readFile(join(folder, 'index.html')).catch(() => undefined);
  if (index === undefined)
    return { index: createWebFile('index.html', Buffer.from(NOT_BUILT)), assets: new Map() };
  const names = await readdir(join(folder, 'assets')).catch(() => []);
  const assets = new Map<string, WebFile>();
  for (const name of names) {
    if (!TYPES.has(extensionOf(name))) continue;
    assets.set(name, createWebFile(name, await readFile(join(folder, 'assets', name))));
  }
  return { index: createWebFile('index.html', index), assets };
}

function createWebFile(name: string, bytes: Buffer): WebFile {
  const kept = new Map<'br' | 'gzip', Promise<Uint8Array>>();
  const encode = (encoding: 'br' | 'gzip'): Promise<Uint8Array> => {
    const known = kept.get(encoding) ?? compress(bytes, encoding);
    kept.set(encoding, known);
    return known;
  };
  return {
    type: TYPES.get(extensionOf(name)) ?? 'application/octet-stream',
    async encoded(accepted) {
      const encoding = COMPRESSED_ALREADY.has(extensionOf(name)) ? undefined : chosen(accepted);
      return { bytes: encoding === undefined ? bytes : await encode(encoding), encoding };
    },
  };
}

/** RFC 9110 section 12.5.3; a weight of 0 excludes. */
function chosen(accepted: string): 'br' | 'gzip' | undefined {
  const offered = accepted
    .slice(0, 256)
    .split(',')
    .map((part) => part.trim().split(';'));
  const isOffered = (name: string): boolean =>
    offered.some(([coding, weight = '']) => coding === name && !/^ *q=0(\.0*)?$/.test(weight));
  return isOffered('br') ? 'br' : isOffered('gzip') ? 'gzip' : undefined;
}

async function compress(bytes: Buffer, encoding: 'br' | 'gzip'): Promise<Uint8Array> {
  if (encoding === 'gzip') return promisify(gzip)(bytes);
  return promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
  });
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
