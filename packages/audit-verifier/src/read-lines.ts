import { createReadStream } from 'node:fs';

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 1_048_576;

/** The lines of a file without their line feeds, several at a time; nothing but a line feed ends a line. */
export async function* readLines(file: string): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    const content = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = content.indexOf(LINE_FEED); end >= 0; end = content.indexOf(LINE_FEED, start)) {
      lines.push(content.subarray(start, end));
      start = end + 1;
    }
    rest = content.subarray(start);
    yield lines;
  }
  if (rest.length > 0) yield [rest];
}
