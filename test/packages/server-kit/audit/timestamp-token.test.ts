import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createTimestampRequest, verifyTimestamp } from '@aduana/server-kit/audit/timestamp-token';
import { pathProblem } from '@aduana/core/mtls/verify-certificate-chain';
import { describeWithOpenssl } from '../../../support/foreign-parts.ts';
import { startTimestampAuthority, type TimestampAuthority } from '../../../support/timestamp-authority.ts';

const digest = createHash('sha256').update('what is stamped').digest();

describeWithOpenssl('a time stamp of OpenSSL', () => {
  let authority: TimestampAuthority;
  let authorities: readonly Buffer[];
  beforeAll(async () => {
    authority = await startTimestampAuthority();
    authorities = [new X509Certificate(await readFile(authority.caFile)).raw];
  });
  afterAll(() => authority.stop());

  const distrust = (signer: X509Certificate, above: readonly X509Certificate[]) =>
    pathProblem(signer, above, { authorities, now: Date.now() });
  const stamp = (nonce: Buffer) => authority.reply(createTimestampRequest(digest, nonce));
  const nonceOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

  test('shows its time', async () => {
    const nonce = randomBytes(16);
    const time = verifyTimestamp(await stamp(nonce), { digest, nonce, distrust });
    expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
  });

  test.each(['00', '7f', '80', '00ff', '0000000000000001', 'ffffffffffffffff'])(
    'is found under the nonce %s, whatever its first byte',
    async (hex) => {
      const nonce = nonceOf(hex);
      expect(() => verifyTimestamp(Buffer.alloc(0), { digest, nonce, distrust })).toThrow('no TimeStampResp');
      expect(verifyTimestamp(await stamp(nonce), { digest, nonce, distrust })).toBeGreaterThan(0);
    },
  );

  test('is refused where anything is not as it was asked for, or not as it was signed', async () => {
    const nonce = randomBytes(16);
    const response = await stamp(nonce);
    const refuse = (bytes: Buffer, checks: object = {}) =>
      expect(() => verifyTimestamp(bytes, { digest, nonce, distrust, ...checks }));
    refuse(response, { digest: createHash('sha256').update('other').digest() }).toThrow('of something else');
    refuse(response, { nonce: randomBytes(16) }).toThrow('another request');
    refuse(response, { distrust: () => 'is not signed by a trusted CA' }).toThrow(
      'not signed by a trusted CA',
    );
    refuse(await readFile(authority.caFile)).toThrow('no TimeStampResp');
  });

  test('tells no other time whatever byte of it is changed', async () => {
    const nonce = randomBytes(16);
    const response = await stamp(nonce);
    const time = verifyTimestamp(response, { digest, nonce, distrust });
    const timeOf = (bytes: Buffer): number | string => {
      try {
        return verifyTimestamp(bytes, { digest, nonce, distrust });
      } catch (error) {
        return (error as Error).name;
      }
    };
    const seen = new Map<number | string, number>();
    for (let at = 0; at < response.length; at += 2) {
      const found = timeOf(response.with(at, (response[at] ?? 0) ^ 1) as Buffer);
      seen.set(found, (seen.get(found) ?? 0) + 1);
    }
    // some bytes are covered by nothing: the text of the status, versions, unsigned parts
    expect([...seen.keys()].filter((found) => found !== time)).toEqual(['TimestampError']);
    expect(seen.get('TimestampError')).toBeGreaterThan((seen.get(time) ?? 0) * 5);
  });

  test('is refused where the authority refuses', async () => {
    const other = createTimestampRequest(digest.subarray(0, 20), randomBytes(8));
    const nonce = randomBytes(8);
    const refused = await authority.reply(other);
    expect(() => verifyTimestamp(refused, { digest, nonce, distrust })).toThrow('status 2');
  });
});

describeWithOpenssl('a time stamp', () => {
  test.each([
    ['an elliptic curve key', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['an RSA key of 3072 bits', ['rsa:3072']],
  ])('under %s verifies', async (_, key) => {
    const authority = await startTimestampAuthority(key);
    const authorities = [new X509Certificate(await readFile(authority.caFile)).raw];
    const nonce = randomBytes(8);
    const response = await authority.reply(createTimestampRequest(digest, nonce));
    const distrust = (signer: X509Certificate) => pathProblem(signer, [], { authorities, now: Date.now() });
    expect(verifyTimestamp(response, { digest, nonce, distrust })).toBeGreaterThan(0);
    await authority.stop();
  });
});
