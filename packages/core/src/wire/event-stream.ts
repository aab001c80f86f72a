import { StringDecoder } from 'node:string_decoder';

/** One event of a `text/event-stream` (HTML Living Standard, section 9.2). */
export interface StreamedEvent {
  /** `message` where the stream names none. */
  readonly event: string;
  readonly data: string;
}

/** Reads a stream chunk by chunk. */
export interface EventReader {
  /** @throws RangeError for an event of more than the largest size */
  read(chunk: Uint8Array): void;
  /** Characters that wait for the end of their event. */
  readonly held: number;
  /** Lines so far that belonged to no event: comments, and what an empty line ended without data. */
  readonly idleLines: number;
}

/** The lines of one event after another. */
interface EventLines {
  take(line: string): void;
  readonly held: number;
  readonly idleLines: number;
}

function createEventLines(onEvent: (event: StreamedEvent) => void): EventLines {
  let name = '';
  let data: string[] = [];
  let lines = 0;
  let held = 0;
  let idleLines = 0;

  function endEvent(): void {
    const isEvent = name !== '' || data.length > 0;
    if (!isEvent) idleLines += lines + 1;
    const event = { event: name === '' ? 'message' : name, data: data.join('\n') };
    name = '';
    data = [];
    lines = held = 0;
    if (isEvent) onEvent(event);
  }

  function takeField(line: string, colon: number): void {
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
    lines += 1;
    held += line.length;
  }

  return {
    get held() {
      return held;
    },
    get idleLines() {
      return idleLines;
    },
    take(line) {
      const colon = line.indexOf(':');
      if (line === '') endEvent();
      else if (colon === 0)
        idleLines += 1; // a comment keeps the connection open
      else takeField(line, colon);
    },
  };
}

/**
 * Reads the events of a stream, whatever its chunks are (HTML Living Standard, section 9.2.6).
 *
 * @param largestCharacters of one event that has not ended yet; one that is longer is an error
 */
export function createEventReader(
  largestCharacters: number,
  onEvent: (event: StreamedEvent) => void,
): EventReader {
  const decoder = new StringDecoder('utf8');
  const lines = createEventLines(onEvent);
  let line = '';
  let afterReturn = false;
  return {
    get held() {
      return lines.held + line.length;
    },
    get idleLines() {
      return lines.idleLines;
    },
    read(chunk) {
      const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      let from = 0;
      if (afterReturn && text.startsWith('\n')) from = 1;
      if (text !== '') afterReturn = text.endsWith('\r');
      const ends = /\r\n|\n|\r/g;
      ends.lastIndex = from;
      for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
        const whole = line + text.slice(from, end.index);
        line = '';
        from = end.index + end[0].length;
        lines.take(whole);
      }
      line += text.slice(from);
      if (lines.held + line.length > largestCharacters) throw new RangeError('an event without end');
    },
  };
}

/** An event as a server sends it; `data` is one line. */
export function formatEvent(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
