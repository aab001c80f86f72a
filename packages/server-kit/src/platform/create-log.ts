import { pino } from 'pino';
import { boundFields } from './bound-fields.ts';
import { describeError, type Log, plainLine } from '@aduana/core/platform/log';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const SECRET_MEMBERS = [
  'authorization',
  'Authorization',
  'cookie',
  'dpop',
  'password',
  'secret',
  'client_secret',
  'clientSecret',
  'token',
  'access_token',
  'accessToken',
  'subject_token',
  'actor_token',
  'client_assertion',
  'privateKey',
  'key',
];
const REDACTED_PATHS = SECRET_MEMBERS.flatMap((name) =>
  ['', '*.', '*.*.', '*.*.*.'].map((at) => `${at}${name}`),
);

/**
 * A log of JSON lines; members that could hold a secret are censored, whatever their depth up to four.
 *
 * @param write receives one line with its line feed
 */
export function createLog(level: LogLevel, write: (line: string) => void): Log {
  return wrap(
    pino(
      {
        level,
        base: null,
        redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }), log: boundFields },
        serializers: { error: (value: unknown) => (value instanceof Error ? describeError(value) : value) },
      },
      {
        write(line) {
          write(plainLine(line));
        },
      },
    ),
  );
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => {
      logger.debug(fields, message);
    },
    info: (message, fields = {}) => {
      logger.info(fields, message);
    },
    warn: (message, fields = {}) => {
      logger.warn(fields, message);
    },
    error: (message, fields = {}) => {
      logger.error(fields, message);
    },
    child: (fields) => wrap(logger.child(fields)),
  };
}
