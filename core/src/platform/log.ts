import { pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured lines of JSON; members that could hold a secret are censored, whatever their depth up to four. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const SECRET_MEMBERS = [
  'authorization', 'Authorization', 'cookie', 'dpop', 'password', 'secret', 'client_secret', 'clientSecret',
  'token', 'access_token', 'accessToken', 'subject_token', 'actor_token', 'client_assertion', 'privateKey', 'key',
]; // prettier-ignore
const REDACTED_PATHS = SECRET_MEMBERS.flatMap((name) =>
  ['', '*.', '*.*.', '*.*.*.'].map((at) => `${at}${name}`),
);

/** @param write receives one line with its line feed */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  return wrap(
    pino(
      {
        level,
        base: null,
        redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: (value: unknown) => (value instanceof Error ? describeError(value) : value) },
      },
      { write },
    ),
  );
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => { logger.debug(fields, message); },
    info: (message, fields = {}) => { logger.info(fields, message); },
    warn: (message, fields = {}) => { logger.warn(fields, message); },
    error: (message, fields = {}) => { logger.error(fields, message); },
    child: (fields) => wrap(logger.child(fields)),
  }; // prettier-ignore
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
