import { expect, test } from '@jest/globals';
import { askGateway } from '@aduana/client/gateway/gateway-client';
import { CallError, type CallFailure } from '@aduana/core/mtls-client/call-error';
import type { SecurePeer, SecureRequest } from '@aduana/core/mtls-client/secure-peer';

/** A gateway whose first connections fail. */
function gatewayAfter(failures: number, failure: CallFailure, code: string) {
  const sent: SecureRequest[] = [];
  const peer: SecurePeer = {
    origin: 'https://gateway',
    request(request) {
      sent.push(request);
      return sent.length <= failures
        ? Promise.reject(new CallError('GATEWAY_UNAVAILABLE', failure, { detail: '', cause: { code } }))
        : Promise.resolve({ status: 200, headers: {}, body: Buffer.from('{"data":{"ok":true}}') });
    },
  };
  return { peer, sent };
}

test('a query whose connection failed is sent once more', async () => {
  const { peer, sent } = gatewayAfter(1, 'connection', 'ECONNRESET');
  expect((await askGateway(peer, { document: '{ ok }' })).data).toEqual({ ok: true });
  expect(sent.map(({ repeatable }) => repeatable)).toEqual([true, true]);
  await expect(askGateway(gatewayAfter(2, 'connection', 'ECONNRESET').peer, { document: '{ ok }' })).rejects.toMatchObject({ code: 'GATEWAY_UNAVAILABLE' }); // prettier-ignore
});

test('one whose answer came late or was too large is not', async () => {
  for (const failure of ['deadline', 'oversize', 'abandoned'] as const)
    await expect(askGateway(gatewayAfter(1, failure, '').peer, { document: '{ ok }' })).rejects.toMatchObject({ failure }); // prettier-ignore
});

test('a mutation is sent once more only where nobody took the connection', async () => {
  const document = 'mutation { change }';
  const refused = gatewayAfter(1, 'connection', 'ECONNREFUSED');
  expect((await askGateway(refused.peer, { document })).status).toBe(200);
  expect(refused.sent.map(({ repeatable }) => repeatable)).toEqual([false, false]);
  const cut = gatewayAfter(1, 'connection', 'ECONNRESET');
  await expect(askGateway(cut.peer, { document })).rejects.toMatchObject({ failure: 'connection' });
  expect(cut.sent).toHaveLength(1);
});
