import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { certificateThumbprint, type PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { subjectAltNames } from '@aduana/core/mtls/subject-alt-names';
import { createTestCa } from '../../../support/test-ca.ts';

test('the names of a certificate are reported once, and none where there is no certificate', async () => {
  const ca = await createTestCa();
  const { cert } = await ca.issue('leads');
  const der = new X509Certificate(cert).raw;
  const peer: PeerIdentity = {
    spiffeId: 's',
    thumbprint: certificateThumbprint(der),
    chain: [der],
    notAfter: 0,
  };
  expect(subjectAltNames(peer)).toContain('URI:spiffe://aduana.local/leads');
  expect(subjectAltNames(peer)).toBe(subjectAltNames(peer));
  expect(subjectAltNames({ ...peer, chain: [] })).toEqual([]);
});
