import { expect, test } from '@jest/globals';
import { checkBrowserRules, corsHeaders, preflightHeaders } from '@aduana/core/http/browser-rules';
import { createServiceRequest } from '../support/service-request.ts';

const RULES = { publicHosts: [], allowedOrigins: ['https://studio.apollographql.com'] };

test.each([
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'https://localhost:4000' },
  { origin: 'http://localhost:4001' },
  { origin: 'https://studio.apollographql.com.evil.example' },
  { 'sec-fetch-site': 'cross-site' },
])('a request of another origin is refused: %j', (headers) => {
  expect(() => {
    checkBrowserRules(createServiceRequest({ headers }), RULES);
  }).toThrow(expect.objectContaining({ code: 'ORIGIN_FORBIDDEN', status: 403 }));
});

test.each([
  {},
  { origin: 'http://localhost:4000', 'sec-fetch-site': 'same-origin' },
  { origin: 'https://studio.apollographql.com', 'sec-fetch-site': 'cross-site' },
])('our own page and an allowed origin may call: %j', (headers) => {
  expect(() => {
    checkBrowserRules(createServiceRequest({ headers }), RULES);
  }).not.toThrow();
});

test('a preflight of another origin gets no CORS header at all', () => {
  const request = createServiceRequest({ method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
  expect(preflightHeaders(request, RULES)).toEqual({});
});

test('an allowed origin is never allowed to send ambient credentials', () => {
  const request = createServiceRequest({ headers: { origin: 'https://studio.apollographql.com' } });
  expect(corsHeaders(request, RULES)).toMatchObject({
    'access-control-allow-origin': 'https://studio.apollographql.com',
    vary: 'Origin',
  });
  expect(Object.keys({ ...corsHeaders(request, RULES), ...preflightHeaders(request, RULES) })).not.toContain(
    'access-control-allow-credentials',
  );
});
