import type { SourceLocation } from 'graphql';

/** One error of a document, as the client gets it. */
export interface RequestError {
  readonly message: string;
  readonly locations?: readonly SourceLocation[];
}

/** The document cannot run: the errors that the client gets, one or several. */
export class RequestErrors extends Error {
  override readonly name = 'RequestErrors';
  readonly code: 'GRAPHQL_PARSE_FAILED' | 'GRAPHQL_VALIDATION_FAILED' | 'BAD_USER_INPUT';
  readonly errors: readonly RequestError[];

  constructor(code: RequestErrors['code'], errors: readonly RequestError[]) {
    super('the document cannot run');
    this.code = code;
    this.errors = errors;
  }
}

const MESSAGE_CHARACTERS = 300;
const LOCATIONS_SHOWN = 10;
/** graphql-js proposes names behind it, which the caller may not know. */
const SUGGESTION = 'Did you mean ';

interface FoundError {
  readonly message: string;
  /** Offsets in the document's text. */
  readonly positions?: readonly number[] | undefined;
}

/**
 * What of the errors of graphql-js may be sent: each message repeats parts of the document, so it is cut before anything
 * looks at it.
 */
export function describeErrors(errors: readonly FoundError[], text: string): readonly RequestError[] {
  const positions = errors.map((error) => (error.positions ?? []).slice(0, LOCATIONS_SHOWN));
  const located = locate(text, positions.flat());
  return errors.map(({ message }, index) => {
    const locations = (positions[index] ?? []).flatMap((position) => located.get(position) ?? []);
    return { message: bounded(message), ...(locations.length === 0 ? {} : { locations }) };
  });
}

function bounded(message: string): string {
  const text = message.length > MESSAGE_CHARACTERS ? `${message.slice(0, MESSAGE_CHARACTERS)}...` : message;
  const suggestion = text.indexOf(SUGGESTION);
  return suggestion < 0 ? text : text.slice(0, suggestion).trimEnd();
}

/** Line and column of each position, in one pass over the text. */
function locate(text: string, positions: readonly number[]): ReadonlyMap<number, SourceLocation> {
  const located = new Map<number, SourceLocation>();
  const lineEnd = /\r\n|[\n\r]/g;
  let line = 1;
  let lineStart = 0;
  let next = lineEnd.exec(text);
  for (const position of [...positions].sort((one, other) => one - other)) {
    while (next !== null && next.index < position) {
      line += 1;
      lineStart = next.index + next[0].length;
      next = lineEnd.exec(text);
    }
    located.set(position, { line, column: position + 1 - lineStart });
  }
  return located;
}
