import { createJsonLog, type JsonLogLevel } from '@aduana/core/platform/json-log';
import { expect, test } from '@jest/globals';
import { createFakeClock } from '../../../support/fake-clock.ts';

function openLog(level?: JsonLogLevel) {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createJsonLog({ clock: createFakeClock(), write, ...(level === undefined ? {} : { level }) });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('each entry is one line of JSON with level, time, fields and message', () => {
  const { log, lines, entries } = openLog();
  log.child({ service: 'orders' }).warn('a line\nfeed', { count: 1 });
  expect(lines).toEqual([expect.stringMatching(/^\{[^\n]*\}\n$/)]);
  expect(entries()).toEqual([
    { level: 'warn', time: expect.stringMatching(/Z$/), service: 'orders', count: 1, msg: 'a line\nfeed' },
  ]);
});

test('entries below the level are left out', () => {
  const { log, entries } = openLog('warn');
  log.debug('d');
  log.info('i');
  log.warn('w');
  log.error('e');
  expect(entries().map(({ msg }) => msg)).toEqual(['w', 'e']);
  const silent = openLog('silent');
  silent.log.error('e');
  expect(silent.lines).toEqual([]);
});

test('errors, big integers and circles never fail the caller', () => {
  const { log, entries } = openLog();
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  log.error('failed', { error: new TypeError('why'), size: 10n });
  log.error('circle', circle);
  expect(entries()).toEqual([
    expect.objectContaining({
      error: expect.objectContaining({ name: 'TypeError', message: 'why' }),
      size: '10',
    }),
    { level: 'error', time: expect.any(String), msg: 'circle' },
  ]);
});
