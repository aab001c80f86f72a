/** What varies in a log entry, by name; errors are given through `describeError`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A structured log. Messages are fixed sentences; what varies is in the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose entries all carry these fields. */
  child(fields: LogFields): Log;
}

/** An error as log fields: name, code, detail, message and the chain of causes, without the members that drivers add. */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(error.name === 'SecurityError' ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** What JSON leaves as it is and a terminal obeys, or nobody sees: C1 controls, bidi controls and other format characters. */
const OBEYED = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A line of JSON with the same value, which a terminal shows and does not obey. */
export function plainLine(json: string): string {
  return json.replaceAll(OBEYED, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
