import { expect, test } from '@jest/globals';
import { checkBrowserRules } from '@aduana/core/http/browser-rules';
import { createServiceRequest } from '../support/service-request.ts';

const RULES = { publicHosts: ['graph.example.com'], allowedOrigins: [] };

test.each([
  'evil.example',
  'evil.example:4000',
  'localhost.evil.example',
  'localhost:4000@evil.example',
  '127.0.0.1.nip.io',
  '0.0.0.0',
  '',
  'local host',
])('the Host %j is not served', (host) => {
  expect(() => {
    checkBrowserRules(createServiceRequest({ headers: { host } }), RULES);
  }).toThrow(expect.objectContaining({ code: 'MISDIRECTED_REQUEST', status: 421 }));
});

test('a Host that came twice is not served', () => {
  expect(() => {
    checkBrowserRules(createServiceRequest({ repeated: ['host'] }), RULES);
  }).toThrow(expect.objectContaining({ code: 'MISDIRECTED_REQUEST' }));
});

test.each(['localhost', 'LOCALHOST:4000', '127.0.0.1:4443', '[::1]:4000', 'graph.example.com'])(
  'the Host %j is served',
  (host) => {
    expect(() => {
      checkBrowserRules(createServiceRequest({ headers: { host } }), RULES);
    }).not.toThrow();
  },
);
