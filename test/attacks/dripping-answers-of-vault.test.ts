/**
 * The attacker is Vault, or stands in its place: it sends a byte of its answer now and then, so that no pause between two is too
 * long, and keeps whoever asks waiting, with one of a few connections.
 */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createVaultTransport } from '@aduana/server-kit/secrets/vault/vault-transport';
import { until } from '../support/until.ts';

const DRIP_MS = 20;

let close: () => void = () => undefined;
afterEach(() => {
  close();
});

async function openTransport(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const transport = createVaultTransport({
    address: `http://127.0.0.1:${String(port)}`,
    clock: createSystemClock(),
  });
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return transport;
}

test('an answer that drips is given up, and its connection with it', async () => {
  let drips = 0;
  let isLeft = false;
  const transport = await openTransport((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"data":{"x":"');
    const timer = setInterval(() => {
      drips += 1;
      response.write('a');
    }, DRIP_MS);
    response.once('close', () => {
      clearInterval(timer);
      isLeft = true;
    });
  });
  const answer = await transport
    .send({ method: 'POST', path: 'transit/sign/key' })
    .catch((error: unknown) => error);
  expect(drips).toBeGreaterThan(1);
  expect(answer).toMatchObject({
    code: 'SECRET_PROVIDER_UNAVAILABLE',
    detail: 'Vault cannot be reached (no valid answer)',
  });
  await until(() => isLeft);
});
