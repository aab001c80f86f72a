import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { ServiceRequest } from '@aduana/core/http/route';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';

let service: HttpService;
beforeAll(async () => {
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createFakeClock(), log: createLog('silent', () => undefined) },
  });
  const counted = {
    method: 'GET',
    path: '/authorizations',
    handle: (request: ServiceRequest) =>
      Promise.resolve({ status: 200, body: String(request.headerCount('authorization')) }),
  } as const;
  service.serve([counted], () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
});
afterAll(() => service.stop());

test('a second Authorization header behind a thousand others is seen', async () => {
  const others = Array.from({ length: 1_500 }, () => ['x', '']).flat();
  const headers = ['host', 'localhost', 'authorization', 'Bearer a', ...others, 'authorization', 'Bearer b'];
  expect(await ask(headers)).toEqual([200, '2']);
});

test('a request that expects what nobody does reaches its route, and so the log', async () => {
  expect(await ask(['host', 'localhost', 'expect', 'the impossible'])).toEqual([200, '0']);
});

function ask(headers: readonly string[]): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const options = { port: service.ports[0], path: '/authorizations', headers: [...headers] };
    httpRequest(options, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => {
        resolve([answer.statusCode, body]);
      });
    })
      .on('error', reject)
      .end();
  });
}
