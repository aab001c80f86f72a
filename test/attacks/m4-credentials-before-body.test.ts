import { expect, test } from '@jest/globals';
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

const BEARER = { 'content-type': 'application/json', authorization: 'Bearer a.b.c' };
const CALLER = {
  claims: { sub: 'bff', client_id: 'bff', sub_iss: 'sts', amr: [] },
  method: 'client_secret_basic',
};

/** What the handler did of each request, in its order. */
function open(holds: boolean) {
  const steps: string[] = [];
  const records: AuditRecord[] = [];
  const handle = createHandler({
    platform: {
      clock: createFakeClock(),
      log: createLog('silent', () => undefined),
      metrics: createMetrics(),
    },
    authenticate,
    traffic: createTraffic(createFakeClock()),
    browser: { publicHosts: [], allowedOrigins: [] },
    limits: { bodyBytes: 1000, batch: 1, values: 'off' },
    flood: { count: () => Promise.resolve(undefined), flush: () => Promise.resolve() },
    audit: {
      record(record: AuditRecord) {
        records.push(record);
        return Promise.resolve(record.id ?? '');
      },
    },
    exchange: () => {
      steps.push('exchange');
      if (!holds) return Promise.reject(new SecurityError('UNAUTHENTICATED'));
      return Promise.resolve({ stage: 'delegated', caller: CALLER });
    },
  } as unknown as HandlerDependencies);
  const ask = async (parts: RequestParts) => {
    const request = createServiceRequest(parts);
    const { status } = await handle({
      ...request,
      body: (limit) => {
        steps.push('body');
        return request.body(limit);
      },
    });
    return { status, steps, actor: records[0]?.actor.sub, code: records[0]?.detail?.['code'] };
  };
  return ask;
}

test('a body that says it is too large is refused at once, unread, and recorded as of nobody', async () => {
  for (const length of ['1001', '99999999999', '1e9'])
    expect(await open(true)({ headers: { ...BEARER, 'content-length': length } })).toEqual({
      status: 413, steps: [], actor: 'anonymous', code: 'PAYLOAD_TOO_LARGE',
    }); // prettier-ignore
});

test('a body that turns out too large is refused after authentication, and recorded as of the caller', async () => {
  expect(await open(true)({ headers: BEARER, body: 'x'.repeat(1001) })).toEqual({
    status: 413, steps: ['exchange', 'body'], actor: 'bff', code: 'PAYLOAD_TOO_LARGE',
  }); // prettier-ignore
});

test('nothing is read of a body whose sender shows nothing that holds', async () => {
  const refusal = { status: 401, actor: 'anonymous', code: 'UNAUTHENTICATED' };
  expect(await open(false)({ headers: BEARER, body: 'x'.repeat(1001) })).toEqual({
    ...refusal,
    steps: ['exchange'],
  });
  expect(await open(false)({ body: 'x' })).toEqual({ ...refusal, steps: [] });
});

test('nothing is read of a body that a page of a foreign origin sends', async () => {
  expect(await open(true)({ headers: { ...BEARER, origin: 'https://evil.example', 'content-length': '1001' } })).toMatchObject({
    status: 403, steps: [], code: 'ORIGIN_FORBIDDEN',
  }); // prettier-ignore
});
