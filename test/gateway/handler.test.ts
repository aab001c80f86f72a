import { describe, expect, test } from '@jest/globals';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { authenticate } from '../../gateway/authenticate/authenticate.ts';
import { createTraffic } from '../../gateway/traffic/traffic.ts';
import { createHandler } from '../../gateway/handler.ts';
import type { HandlerDependencies } from '../../gateway/handler-dependencies.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createServiceRequest, type RequestParts } from '../support/service-request.ts';

const BODY = {
  headers: { 'content-type': 'application/json', authorization: 'Bearer a.b.c' },
  body: '{"query":"{"}',
};

function open(dependencies: Partial<HandlerDependencies>) {
  const records: AuditRecord[] = [];
  const lines: string[] = [];
  const handle = createHandler({
    platform: {
      clock: createFakeClock(Date.UTC(2026, 10, 24)),
      log: createLog('info', (line) => lines.push(line)),
      metrics: createMetrics(),
    },
    browser: { publicHosts: [], allowedOrigins: [] },
    limits: { bodyBytes: 1000, batch: 1, values: 'off' },
    flood: { count: () => Promise.resolve(undefined), flush: () => Promise.resolve() },
    audit: {
      record(record: AuditRecord) {
        records.push(record);
        return Promise.resolve(record.id ?? '');
      },
    },
    authenticate,
    traffic: createTraffic(createFakeClock()),
    exchange: () => Promise.reject(new SecurityError('UNAUTHENTICATED', { detail: 'expired' })),
    ...dependencies,
  } as HandlerDependencies);
  return { records, lines, ask: (parts: RequestParts) => handle(createServiceRequest(parts)) };
}

describe('the outermost handler', () => {
  test.each<[string, RequestParts, number, string, string]>([
    [
      'no credentials',
      { headers: { 'content-type': 'application/json' }, body: '{"query":"{"}' },
      401,
      'UNAUTHENTICATED',
      'DENIED',
    ],
    ['credentials that do not hold', BODY, 401, 'UNAUTHENTICATED', 'DENIED'],
    ['two Authorization headers', { ...BODY, repeated: ['authorization'] }, 400, 'BAD_REQUEST', 'FAILED'],
    [
      'a body that is said to be over the limit',
      { headers: { 'content-length': '1001' } },
      413,
      'PAYLOAD_TOO_LARGE',
      'FAILED',
    ],
    ['a foreign origin', { headers: { origin: 'https://evil.example' } }, 403, 'ORIGIN_FORBIDDEN', 'DENIED'],
    ['another method', { method: 'PUT' }, 405, 'METHOD_NOT_ALLOWED', 'FAILED'],
    [
      'a preflight of a foreign origin',
      { method: 'OPTIONS', headers: { origin: 'https://evil.example' } },
      403,
      'ORIGIN_FORBIDDEN',
      'DENIED',
    ],
    ['a foreign host', { headers: { host: 'evil.example' } }, 421, 'MISDIRECTED_REQUEST', 'FAILED'],
  ])(
    '%s: refused, with one audit event by which the answer can be found',
    async (_name, parts, status, code, outcome) => {
      const { records, ask } = open({});
      const response = await ask(parts);
      expect(response.status).toBe(status);
      expect(JSON.parse(String(response.body))).toEqual({
        errors: [{ message: expect.any(String), extensions: { code } }],
      });
      expect(records).toMatchObject([
        { type: 'request', outcome, actor: { sub: 'anonymous' }, detail: { code } },
      ]);
      expect(response.headers?.['audit-id']).toBe(records[0]?.id);
    },
  );

  test('offers Basic to tools, never to a browser', async () => {
    const tool = await open({}).ask(BODY);
    expect(tool.headers?.['www-authenticate']).toEqual([
      'Bearer error="invalid_token"',
      'Basic realm="aduana", charset="UTF-8"',
    ]);
    const browser = await open({}).ask({ ...BODY, headers: { ...BODY.headers, 'sec-fetch-mode': 'cors' } });
    expect(browser.headers?.['www-authenticate']).toEqual(['Bearer error="invalid_token"']);
  });

  test.each([
    ['Bearer x,', ['Bearer error="invalid_token"']],
    ['DPoP x,', ['DPoP error="invalid_token"', 'Bearer']],
    ['Basic !', ['Bearer']],
  ])(
    'a token that does not hold is told from none, so that a client gets another: %s',
    async (shown, told) => {
      const headers = { ...BODY.headers, 'sec-fetch-mode': 'cors', authorization: shown };
      const response = await open({}).ask({ ...BODY, headers });
      expect([response.status, response.headers?.['www-authenticate']]).toEqual([401, told]);
    },
  );

  test('an answer whose event cannot be made durable does not leave', async () => {
    const { ask } = open({ audit: { record: () => Promise.reject(new SecurityError('AUDIT_UNAVAILABLE')) } });
    const response = await ask(BODY);
    expect(response.status).toBe(503);
    expect(String(response.body)).toContain('AUDIT_UNAVAILABLE');
  });

  test('a flood of unauthenticated callers is told to wait, under the event that counts it', async () => {
    const { records, ask } = open({
      flood: {
        count: () => Promise.resolve({ eventId: 'flood-event', retryAfterSeconds: 30 }),
        flush: () => Promise.resolve(),
      },
    });
    const response = await ask(BODY);
    expect(response).toMatchObject({
      status: 429,
      headers: { 'retry-after': '30', 'audit-id': 'flood-event' },
    });
    expect(records).toEqual([]);
  });

  test('a flood keeps no browser of an allowed origin out: its preflight is answered, under the event that counts it', async () => {
    const { records, ask } = open({
      browser: { publicHosts: [], allowedOrigins: ['https://app.example'] },
      flood: {
        count: () => Promise.resolve({ eventId: 'flood-event', retryAfterSeconds: 30 }),
        flush: () => Promise.resolve(),
      },
    });
    const preflight = (origin: string) =>
      ask({ method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    expect(await preflight('https://app.example')).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': 'https://app.example', 'audit-id': 'flood-event' },
    });
    expect((await preflight('https://evil.example')).status).toBe(429);
    expect(records).toEqual([]);
  });

  test('a failure without a code reveals nothing, to the client or beyond the log', async () => {
    const { records, lines, ask } = open({ exchange: () => Promise.reject(new Error('password=hunter2')) });
    const response = await ask(BODY);
    expect(response.status).toBe(500);
    expect(String(response.body)).not.toContain('hunter2');
    expect(JSON.stringify(records)).not.toContain('hunter2');
    expect(lines.join('')).toContain('a request failed');
  });
});
