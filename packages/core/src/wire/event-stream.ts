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
  let line = '';
  let name = '';
  let data: string[] = [];
  let held = 0;
  let afterReturn = false;

  function endLine(): void {
    const text = line;
    line = '';
    if (text === '') {
      if (name !== '' || data.length > 0)
        onEvent({ event: name === '' ? 'message' : name, data: data.join('\n') });
      name = '';
      data = [];
      held = 0;
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return; // a comment keeps the connection open
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
    held += text.length;
  }

  return {
    get held() {
      return held + line.length;
    },
    read(chunk) {
      const text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      let from = 0;
      if (afterReturn && text.startsWith('\n')) from = 1;
      if (text !== '') afterReturn = text.endsWith('\r');
      const ends = /\r\n|\n|\r/g;
      ends.lastIndex = from;
      for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
        line += text.slice(from, end.index);
        from = end.index + end[0].length;
        endLine();
      }
      line += text.slice(from);
      if (held + line.length > largestCharacters) throw new RangeError('an event without end');
    },
  };
}

/** An event as a server sends it; `data` is one line. */
export function formatEvent(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
