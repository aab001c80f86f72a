import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { toDer } from '../support/sign-digest.ts';
import { signJws } from '../support/sign-jws.ts';
import { describeStores } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';
import { openTokenFaces, type TokenFaces } from '../support/token-faces.ts';

const FACES = ['gateway', 'sts', 'subgraph'] as const;

describeStores('a forged token is refused', (openStore) => {
  let sts: TestSts;
  let faces: TokenFaces;
  let trap: Server;
  let url: string;
  const fetches: string[] = [];
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: ['operator'] });
    faces = await openTokenFaces(sts);
    trap = createServer((request, response) => {
      fetches.push(request.url ?? '');
      response.end('{"keys":[]}');
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${String((trap.address() as AddressInfo).port)}/`;
  });
  afterAll(async () => {
    trap.close();
    await sts.close();
  });

  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  async function good(
    more: object,
  ): Promise<{ token: string; header: object; claims: object; parts: string[] }> {
    const { claims } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('operator') });
    const signer = sts.ring.signer();
    const header = { alg: signer.algorithm, kid: signer.kid, typ: 'at+jwt' };
    const addressed = { ...claims, ...more };
    const token = await signJws(signer, header, addressed);
    return { token, header, claims: addressed, parts: token.split('.') };
  }

  type Forge = (of: Awaited<ReturnType<typeof good>>) => Promise<string> | string;
  const parts =
    (index: number, change: (part: string) => string): Forge =>
    (of) =>
      of.parts.map((part, at) => (at === index ? change(part) : part)).join('.');
  const header =
    (members: object): Forge =>
    ({ header: usual, claims }) =>
      signJws(sts.ring.signer(), { ...usual, ...members }, claims);
  const unsigned =
    (alg: string, signature = ''): Forge =>
    ({ header: usual, claims }) =>
      `${encode({ ...usual, alg })}.${encode(claims)}.${signature}`;

  const FORGERIES: readonly (readonly [string, Forge])[] = [
    ['alg none', unsigned('none')],
    ['alg nOnE', unsigned('nOnE')],
    ['alg none with a signature', unsigned('none', 'AAAA')],
    ['an empty alg', unsigned('')],
    ['no signature', parts(2, () => '')],
    ['a signature of zeros', parts(2, () => 'A'.repeat(86))],
    ['a signature cut short', parts(2, (part) => part.slice(0, -4))],
    ['a signature with more bytes', parts(2, (part) => `${part}AAAA`)],
    [
      'a changed signature',
      parts(2, (part) => (part.startsWith('A') ? `B${part.slice(1)}` : `A${part.slice(1)}`)),
    ],
    [
      'a last digit that says the same bytes',
      parts(2, (part) => `${part.slice(0, -1)}${next(part.at(-1) ?? '')}`),
    ],
    ['padding', parts(2, (part) => `${part}==`)],
    ['white space around', ({ token }) => ` ${token}\n`.trim().replace('.', ' .')],
    ['a line feed inside', ({ token }) => token.replace('.', '\n.')],
    ['the alphabet of base64', parts(2, (part) => `${part.slice(0, -2)}+/`)],
    ['four parts', ({ token }) => `${token}.AAAA`],
    ['two parts', ({ parts: [head, payload] }) => `${String(head)}.${String(payload)}`],
    [
      'the JSON serialisation',
      ({ parts: [head, payload, signature] }) => JSON.stringify({ protected: head, payload, signature }),
    ],
    ['a header that is a list', parts(0, () => encode([]))],
    ['a header that is no JSON', parts(0, () => Buffer.from('{').toString('base64url'))],
    [
      'another payload',
      ({ parts: [head, , signature], claims }) =>
        `${String(head)}.${encode({ ...claims, sub: 'admin' })}.${String(signature)}`,
    ],
    ['crit b64', header({ crit: ['b64'], b64: true })],
    ['crit exp', header({ crit: ['exp'], exp: 1 })],
    ['a jku', (of) => header({ jku: url })(of)],
    ['an x5u', (of) => header({ x5u: url })(of)],
    ['an x5c', header({ x5c: ['AAAA'] })],
    ['an unknown kid', header({ kid: 'unknown' })],
    ['a kid with a path', header({ kid: '../../dev/null' })],
    ['a kid with SQL', header({ kid: "' OR '1'='1" })],
    ['an endless kid', header({ kid: 'k'.repeat(300) })],
    ['no kid', header({ kid: undefined })],
    [
      'an embedded key of its own',
      async ({ header: usual, claims }) => {
        const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
        return new SignJWT({ ...claims })
          .setProtectedHeader({ ...(usual as { alg: string }), jwk: await exportJWK(publicKey) })
          .sign(privateKey);
      },
    ],
    [
      'another key under the kid of the STS',
      async ({ header: usual, claims }) => {
        const { privateKey } = await generateKeyPair('ES256');
        return new SignJWT({ ...claims }).setProtectedHeader(usual as { alg: string }).sign(privateKey);
      },
    ],
    [
      'an HMAC with the public key',
      ({ header: usual, claims }) => {
        const text = `${encode({ ...usual, alg: 'HS256' })}.${encode(claims)}`;
        const secret = JSON.stringify(sts.ring.published()[0]);
        return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
      },
    ],
    [
      'an RSA signature under a kid for ES256',
      async ({ header: usual, claims }) => {
        const { privateKey } = await generateKeyPair('RS256');
        return new SignJWT({ ...claims })
          .setProtectedHeader({ ...(usual as { alg: string }), alg: 'RS256' })
          .sign(privateKey);
      },
    ],
    [
      'an ECDSA signature in DER',
      ({ parts: [head = '', payload = '', signature = ''] }) =>
        `${head}.${payload}.${toDer(Buffer.from(signature, 'base64url')).toString('base64url')}`,
    ],
    [
      'more than 16 KiB',
      ({ header: usual, claims }) =>
        `${encode(usual)}.${encode({ ...claims, fill: 'x'.repeat(17_000) })}.${'A'.repeat(86)}`,
    ],
  ];

  describe.each(FACES)('shown to the %s', (face) => {
    test.each(FORGERIES)(
      '%s is refused with 401, without a fetch, and reveals nothing',
      async (_name, forge) => {
        const before = fetches.length;
        const { status, text } = await faces[face].ask(await forge(await good(faces[face].claims)));
        expect(status).toBe(401);
        expect(text).not.toMatch(/kid|alg|signature|jose|stack|crit/i);
        expect(fetches).toHaveLength(before);
      },
    );
  });

  test.each(FACES)('the token that they are made from is accepted by the %s', async (face) => {
    const { token } = await good(faces[face].claims);
    expect(await faces[face].ask(token)).toMatchObject({ status: 200 });
  });
});

/** The next digit of base64url: its lowest bits stand for nothing at the end of 64 bytes. */
function next(digit: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return digits[digits.indexOf(digit) + 1] ?? 'B';
}
