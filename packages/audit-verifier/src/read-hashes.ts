import { createReadStream } from 'node:fs';

const HASH_BYTES = 32;
const CHUNK_BYTES = 32_768 * HASH_BYTES;

/** The SHA-256 hashes that a file holds one after the other; bytes that are no whole hash come last, shorter. */
export async function* readHashes(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    const content = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = content.length - (content.length % HASH_BYTES);
    for (let at = 0; at < end; at += HASH_BYTES) yield Buffer.from(content.subarray(at, at + HASH_BYTES));
    rest = content.subarray(end);
  }
  if (rest.length > 0) yield rest;
}
