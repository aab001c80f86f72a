import { createReadStream } from 'node:fs';
import { Tampering } from './problems.ts';

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 1_048_576;
/** The longest entry of which a bundle can say how long it is; a log writes shorter ones. */
const LONGEST_LINE = 65_535;

/**
 * The lines of a file without their line feeds, several at a time; nothing but a line feed ends a line.
 *
 * @throws Tampering where a line is longer than any entry, before the rest of it is read
 */
export async function* readLines(file: string): AsyncGenerator<readonly Buffer[]> {
  let rest: Buffer = Buffer.alloc(0);
  let before = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    const content = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = content.indexOf(LINE_FEED); end >= 0; end = content.indexOf(LINE_FEED, start)) {
      lines.push(content.subarray(start, end));
      start = end + 1;
    }
    rest = content.subarray(start);
    const long = [...lines, rest].findIndex(({ length }) => length > LONGEST_LINE);
    if (long >= 0) throw new Tampering(`line ${String(before + long + 1)} is longer than any entry of a log`);
    before += lines.length;
    yield lines;
  }
  if (rest.length > 0) yield [rest];
}
