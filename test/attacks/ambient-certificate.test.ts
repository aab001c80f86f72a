import { expect, test } from '@jest/globals';
import { authenticate } from '../../gateway/authenticate/authenticate.ts';
import { createServiceRequest } from '../support/service-request.ts';

const PEER = {
  spiffeId: 'spiffe://aduana.local/operator',
  thumbprint: 'thumb',
  chain: [Buffer.from('der')],
  notAfter: Infinity,
};

test.each([
  { origin: 'https://localhost:4443' },
  { 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  { 'sec-fetch-mode': 'cors' },
])('a certificate that a browser attached by itself authenticates nobody: %j', (headers) => {
  expect(() => authenticate(createServiceRequest({ headers, peer: PEER, encrypted: true }))).toThrow(
    expect.objectContaining({ code: 'UNAUTHENTICATED', status: 401 }),
  );
});
