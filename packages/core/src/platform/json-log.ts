import type { Clock } from './clock.ts';
import { describeError, type Log, type LogFields, plainLine } from './log.ts';

/** From the most entries to none. */
export type JsonLogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Where the lines of a log go, and which. */
export interface JsonLogOptions {
  readonly clock: Clock;
  /** Receives one line with its line feed. */
  readonly write: (line: string) => void;
  /** Entries below are left out; default `info`. */
  readonly level?: JsonLogLevel;
}

/**
 * A log of JSON lines without any dependency, for programs that bring no log of their own.
 *
 * @example
 * const log = createJsonLog({ clock: createSystemClock(), write: (line) => process.stderr.write(line) });
 * log.info('started', { port: 8021 });
 */
export function createJsonLog({ clock, write, level = 'info' }: JsonLogOptions): Log {
  const least = LEVELS.indexOf(level);
  const open = (own: LogFields): Log => {
    const entry = (name: Exclude<JsonLogLevel, 'silent'>) => {
      if (LEVELS.indexOf(name) < least) return () => undefined;
      return (message: string, fields: LogFields = {}): void => {
        const time = new Date(clock.now()).toISOString();
        write(`${plainLine(toJson({ level: name, time, ...own, ...fields, msg: message }))}\n`);
      };
    };
    return {
      debug: entry('debug'),
      info: entry('info'),
      warn: entry('warn'),
      error: entry('error'),
      child: (fields) => open({ ...own, ...fields }),
    };
  };
  return open({});
}

/** A field that JSON cannot hold must not fail whoever logs. */
function toJson(entry: LogFields): string {
  try {
    return JSON.stringify(entry, (_name, value: unknown) => {
      if (value instanceof Error) return describeError(value);
      return typeof value === 'bigint' ? value.toString() : value;
    });
  } catch {
    const { level, time, msg } = entry;
    return JSON.stringify({ level, time, msg });
  }
}
