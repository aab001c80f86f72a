import { describe, expect, test } from '@jest/globals';
import { authenticate } from '../../../gateway/authenticate/authenticate.ts';
import { createServiceRequest } from '../../support/service-request.ts';

const PEER = {
  spiffeId: 'spiffe://aduana.local/bff',
  thumbprint: 'thumb',
  chain: [Buffer.from('der')],
  notAfter: Infinity,
};
const BASIC = `Basic ${Buffer.from('bff:secret').toString('base64')}`;

describe('authenticate', () => {
  test.each([
    ['Bearer', { authorization: 'Bearer a.b.c' }, 'bearer'],
    ['Basic', { authorization: BASIC }, 'basic'],
    ['a certificate', {}, 'certificate'],
  ])('%s is a credential, and an Authorization header comes before a certificate', (_name, headers, kind) => {
    expect(authenticate(createServiceRequest({ headers, peer: PEER })).credential.kind).toBe(kind);
  });

  test('nothing shown is refused', () => {
    expect(() => authenticate(createServiceRequest())).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED', status: 401 }),
    );
  });

  test('two Authorization headers are refused as malformed', () => {
    const request = createServiceRequest({ headers: { authorization: BASIC }, repeated: ['authorization'] });
    expect(() => authenticate(request)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', status: 400 }),
    );
  });

  test.each(['Digest x', 'Bearer', 'Bearer a b', 'Basic !!', '', `Bearer ${'a'.repeat(20_000)}`])(
    'the header %.20s is no credential, not even beside a certificate',
    (authorization) => {
      const request = createServiceRequest({ headers: { authorization }, peer: PEER });
      expect(() => authenticate(request)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    },
  );

  test('a credential does not print itself', () => {
    const { credential } = authenticate(createServiceRequest({ headers: { authorization: BASIC } }));
    expect(JSON.stringify(credential)).not.toContain(BASIC.slice(6));
  });
});
