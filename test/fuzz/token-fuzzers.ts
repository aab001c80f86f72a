import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { spiffeIdOf } from '@aduana/core/mtls/peer-identity';
import { subjectAltNames } from '@aduana/core/mtls/subject-alt-names';
import { verifyCertificateChain } from '@aduana/core/mtls/verify-certificate-chain';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { decodeCertificateChain } from '@aduana/core/tokens/token-exchange';
import { createAccessTokenVerifier } from '@aduana/core/tokens/verify-access-token';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { readUnverifiedClaims } from '@aduana/core/tokens/verify-signed-jwt';
import { createStatusReader } from '@aduana/core/status/status-reader';
import type { StatusPage } from '@aduana/core/status/status-entry';
import { createLog } from '@aduana/server-kit/platform/create-log';
import fc from 'fast-check';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTestCa } from '../support/test-ca.ts';
import { accepted, type Fuzzer } from './fuzzer.ts';
import { damaged, json } from './texts.ts';

const log = createLog('silent', () => undefined);
const NOW = 1_800_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = publicKey.export({ format: 'jwk' });
const encode = (value: unknown): string =>
  Buffer.from((JSON.stringify(value) as string | undefined) ?? 'undefined').toString('base64url');

/** A compact JWS that is rightly signed, whatever it says. */
function signed(header: unknown, payload: unknown, key: KeyObject = privateKey): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const CLAIMS = {
  iss: 'https://sts', sub: 'bff', aud: 'gateway', client_id: 'bff', iat: NOW, exp: NOW + 300, jti: 'a', scope: 'a:b', sub_iss: 'https://sts',
  sub_kind: 'service', amr: ['client_secret_basic'], auth_time: NOW, root_jti: 'a', cnf: { 'x5t#S256': 'x' }, act: { sub: 'gateway', act: { sub: 'x' } },
}; // prettier-ignore
/** An object of which some members say something else. */
const altered = (good: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.dictionary(fc.constantFrom(...Object.keys(good), '__proto__', 'crit', 'jwk'), json, { maxKeys: 3 }).map((some) => ({ ...good, ...some })) },
    { weight: 1, arbitrary: json },
  ); // prettier-ignore

const keys = { find: async () => ({ kid: 'k', algorithm: 'ES256', key: (await crypto.subtle.importKey('jwk', jwk as never, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify'])) }) }; // prettier-ignore
const status = { isTokenRevoked: () => false, isKeyRevoked: () => false, isServiceSuspended: () => false, isSubjectRevoked: () => false, isCertificateRevoked: () => false, assertFresh: () => undefined }; // prettier-ignore
const ca = await createTestCa();
const leaf = await ca.issue('gateway');

/** What a set of keys is refused for. */
const NO_KEYS = new Set(['not a JWK set', 'a JWK set with private members', 'a kid occurs twice']);

export const tokenFuzzers: readonly Fuzzer[] = [
  {
    name: 'access tokens',
    property: fc.asyncProperty(
      fc.oneof(
        fc.tuple(altered({ alg: 'ES256', kid: 'k', typ: 'at+jwt' }), altered(CLAIMS)).map(([header, payload]) => signed(header, payload)),
        damaged([signed({ alg: 'ES256', kid: 'k', typ: 'at+jwt' }, CLAIMS)], ['.', '=']),
      ),
      async (token) => {
        const clock = createFakeClock(NOW * 1000);
        const verify = createAccessTokenVerifier({ issuer: 'https://sts', audience: 'gateway', keys, status, clock });
        await accepted(() => verify(token));
        await accepted(() => readUnverifiedClaims(token));
      },
    ), // prettier-ignore
  },
  {
    name: 'DPoP proofs',
    property: fc.asyncProperty(
      fc.oneof(
        fc.tuple(altered({ alg: 'ES256', typ: 'dpop+jwt', jwk }), altered({ jti: 'a', htm: 'POST', htu: 'https://localhost/graphql', iat: NOW, ath: 'x' })).map(([header, payload]) => signed(header, payload)),
        altered({ ...jwk }).map((key) => signed({ alg: 'ES256', typ: 'dpop+jwt', jwk: key }, { jti: 'a', htm: 'POST', htu: 'https://localhost/graphql', iat: NOW })),
        damaged([signed({ alg: 'ES256', typ: 'dpop+jwt', jwk }, { jti: 'a' })], ['.', '=']),
      ),
      async (proof) => {
        const verify = createDpopVerifier({ clock: createFakeClock(NOW * 1000), spend: () => true });
        await accepted(() => verify(proof, { method: 'POST', url: 'https://localhost/graphql', accessToken: 'x' }));
      },
    ), // prettier-ignore
  },
  {
    name: 'sets of keys',
    property: fc.asyncProperty(
      altered({ keys: [{ ...jwk, kid: 'k', alg: 'ES256', use: 'sig' }] }),
      async (set) => {
        await accepted(() => parseJwkSet(set as never, ['ES256', 'RS256', 'EdDSA'])).catch(
          (error: unknown) => {
            if (!(error instanceof TypeError) || !NO_KEYS.has(error.message)) throw error;
          },
        );
      },
    ),
  },
  {
    name: 'names and chains of certificates',
    property: fc.asyncProperty(
      damaged(['URI:spiffe://aduana.local/gateway, DNS:localhost', 'URI:"spiffe://a, URI:spiffe://b"'], [', ', 'URI:', 'DNS:']),
      damaged([Buffer.concat(leaf.chain).toString('latin1')]),
      damaged([leaf.chain.map((der) => der.toString('base64')).join(',')], [',', '.', '=']),
      async (name, der, token) => {
        await accepted(() => spiffeIdOf({ subjectAltName: name } as X509Certificate));
        const bytes = Buffer.from(der, 'latin1');
        await accepted(() => subjectAltNames({ spiffeId: 'x', thumbprint: 'x', chain: [leaf.chain[0] ?? bytes], notAfter: 0 }));
        const rules = { authorities: [new X509Certificate(ca.cert).raw], trustDomain: 'aduana.local', usage: 'client', now: Date.now() } as const;
        await accepted(() => verifyCertificateChain([bytes, ...leaf.chain], rules));
        const chain = await accepted(() => decodeCertificateChain(token));
        if (chain !== undefined) await accepted(() => verifyCertificateChain(chain, rules));
      },
    ), // prettier-ignore
  },
  {
    name: 'pages of the status feed',
    property: fc.asyncProperty(
      altered({ head: 3, entries: [{ seq: 1, at: NOW, kind: 'token_revoked', jti: 'a', until: NOW }, { seq: 2, at: NOW, kind: 'service_suspended', service: 'a' }] }),
      async (page) => {
        const clock = createFakeClock(NOW * 1000);
        let reads = 0;
        const reader = createStatusReader({
          fetchPage: () => {
            reads += 1;
            return reads > 20 ? Promise.reject(new Error('the feed ends')) : Promise.resolve(page as StatusPage);
          },
          onWake: () => () => undefined,
          clock,
          log,
        });
        reader.ready.catch(() => undefined);
        await reader.read().catch(() => undefined); // a bad page is no copy: what matters is that nothing else fails
        await accepted(() => reader.isServiceSuspended('a'));
        await reader.stop();
      },
    ), // prettier-ignore
  },
];
