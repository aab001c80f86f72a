/**
 * The attacker has the object store of `AUDIT_OBJECT_STORE`, or stands in its place. It answers without a length, and
 * without end, to take the memory of the audit service and of whoever verifies the published log.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createS3ObjectStore } from '@aduana/server-kit/object-store/s3-object-store';
import { pointAwsTo } from '../support/signing-keys.ts';
import { until } from '../support/until.ts';

const MEGABYTE = 1_000_000;
/** Some megabytes lie in the buffers of both sides. */
const MOST_SENT = 40 * MEGABYTE;
const SENT = 100 * MEGABYTE;

let server: Server;
let sent: number;
let status: number;
let isEnded: boolean;

beforeEach(async () => {
  sent = 0;
  status = 200;
  isEnded = false;
  server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.once('close', () => (isEnded = true));
    const more = (error?: Error | null): void => {
      if (error) return;
      if (sent >= SENT) return void response.end();
      sent += MEGABYTE;
      response.write(Buffer.alloc(MEGABYTE, ' '), more);
    };
    more();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open() {
  const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  pointAwsTo(endpoint);
  return createS3ObjectStore({
    ...{ location: 's3://bucket', bucket: 'bucket', prefix: '', region: 'x', isPathStyle: true },
    ...{ endpoint, clock: createSystemClock() },
  });
}

const TOO_LARGE = 's3://bucket answers more than an object of a log has';

test('an object without a length is read up to the bound of one', async () => {
  const store = open();
  await expect(store.get('checkpoint')).rejects.toThrow(TOO_LARGE);
  await until(() => isEnded);
  expect(sent).toBeLessThan(MOST_SENT);
  store.close();
});

test('so is a list', async () => {
  const store = open();
  await expect(store.list('')).rejects.toThrow(TOO_LARGE);
  await until(() => isEnded);
  expect(sent).toBeLessThan(MOST_SENT);
  store.close();
});

test('so is a refusal', async () => {
  status = 400;
  const store = open();
  await expect(store.put('checkpoint', Buffer.from('x'), 'text/plain')).rejects.toThrow('s3://bucket');
  await until(() => isEnded);
  expect(sent).toBeLessThan(MOST_SENT);
  store.close();
});
