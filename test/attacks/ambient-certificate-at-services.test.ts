import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { createServiceRequest } from '../support/service-request.ts';
import { describeOneStore } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';

// The attacker: a web page. The browser that shows it holds an operator's certificate, as `MTLS_MODE=strict` demands for the
// console, and attaches it to whatever the page sends: a form to the STS, JSON as `text/plain` to the audit service.
const PAGES = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'null' },
  { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
];
const PEER: PeerIdentity = {
  spiffeId: 'spiffe://aduana.local/operator',
  thumbprint: 'thumb',
  chain: [Buffer.from('der')],
  notAfter: Infinity,
};

test.each(PAGES)('no page acts by a certificate of the browser at a service: %j', (headers) => {
  const request = createServiceRequest({ headers, peer: PEER, encrypted: true });
  expect(() => requirePeer(request, undefined)).toThrow(
    expect.objectContaining({ code: 'ORIGIN_FORBIDDEN', status: 403 }),
  );
});

describeOneStore('the STS and the certificate of a browser', (openStore) => {
  let sts: TestSts;
  let operator: PeerIdentity;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: [] });
    operator = await sts.peer('operator');
  });
  afterAll(() => sts.close());

  test.each(PAGES)('no page rotates keys: %j', async (headers) => {
    const before = sts.ring.keySet().generation;
    const asked = sts.call({
      path: '/sts/rotate-keys',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'mode=NOW&reason=a+page+wants+it',
      peer: operator,
    });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_client', status: 401 });
    expect(sts.ring.keySet().generation).toBe(before);
  });

  test("a client of Node's own `fetch` is no page", async () => {
    const { status } = await sts.token(
      { grant_type: 'client_credentials', audience: 'sts' },
      { headers: { 'sec-fetch-mode': 'cors' }, peer: operator },
    );
    expect(status).toBe(200);
  });
});

test('a gateway that is on a list may pass on the `Origin` of its client', () => {
  const request = createServiceRequest({
    headers: { origin: 'https://app.example' },
    peer: PEER,
    encrypted: true,
  });
  expect(requirePeer(request, new Set([PEER.spiffeId]))).toBe(PEER);
});
