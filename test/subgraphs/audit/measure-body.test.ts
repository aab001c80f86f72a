import { expect, test } from '@jest/globals';
import { measureBody } from '../../../subgraphs/audit/log/measure-body.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';

/** Members and elements; what is empty counts as one. */
function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside: readonly unknown[] = Object.values(value);
  return Math.max(1, inside.length) + inside.reduce((sum: number, one) => sum + countOf(one), 0);
}

test.each([
  ['events', postedBody(postedEvent(), postedEvent({ detail: { list: [1, [2, { a: [] }], {}] } }))],
  ['white space', JSON.stringify({ events: [{ a: [1, 2] }, {}] }, null, 2)],
  [
    'texts that hold what separates values',
    JSON.stringify({ events: [{ '[{,"': '\\",[{}]\\\\', '\\': '"' }] }),
  ],
  ['characters beyond ASCII', JSON.stringify({ events: [{ é: '😀,[{' }] })],
  ['no events', '{"events":[],"other":[{},[{}]]}'],
  ['no object', '5'],
])('the values of a body are counted as JSON.parse finds them: %s', (_name, body) => {
  const parsed: unknown = JSON.parse(body);
  expect(measureBody(Buffer.from(body)).values).toBe(countOf(parsed));
});

test('its events are objects in a list of the outermost one', () => {
  const body = postedBody(postedEvent({ detail: { list: [{}, {}] } }), postedEvent(), postedEvent());
  expect(measureBody(Buffer.from(body)).events).toBe(3);
});

test.each(['"', '"\\', '{"a":"', ']}]}', '{[{[', ''])('text that is no JSON ends: %j', (body) => {
  expect(measureBody(Buffer.from(body)).events).toBeLessThan(2);
});
