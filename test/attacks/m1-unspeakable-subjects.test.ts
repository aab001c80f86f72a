import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_JWT } from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describeOneStore } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';

// The attacker: a user who chooses the text by which an issuer names him, an address or a nickname, say.
const pair = await generateKeyPair('ES256', { extractable: true });
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' }] });

describeOneStore('a subject that no column holds as it is', (openStore) => {
  let server: Server;
  let issuer: string;
  let sts: TestSts;
  beforeAll(async () => {
    server = createServer((_, response) => response.end(JWKS));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const read = (name: string): string => readFileSync(`policies/${name}`, 'utf8');
    sts = await openTestSts({
      openStore,
      clients: [],
      policies: {
        'iam_policies.yaml': read('iam_policies.yaml'),
        'service_identities.yaml': read('service_identities.yaml'),
        'trusted_issuers.yaml': `version: 1\nissuers:\n  - { issuer: '${issuer}', jwks_uri: '${issuer}/jwks', algorithms: [ES256], audience: aduana, claims: { groups: { sales: bff } } }\n`,
      },
    });
  });
  afterAll(async () => {
    await sts.close();
    server.close();
  });

  async function exchange(sub: string) {
    const now = Math.floor(Date.now() / 1000);
    const jwt = new SignJWT({ sub, groups: ['sales'], iat: now, exp: now + 300 })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(issuer)
      .setAudience('aduana');
    const form = {
      grant_type: GRANT_TOKEN_EXCHANGE,
      subject_token: await jwt.sign(pair.privateKey),
      subject_token_type: TOKEN_TYPE_JWT,
    };
    return sts.token(form, { peer: await sts.peer('gateway') });
  }

  test.each(['ana\0', '\ud800ana', 'ana\udc00'])(
    '%j is refused, and no token of others with it',
    async (sub) => {
      expect((await exchange('ana')).status).toBe(200); // the issuer's keys are known
      // Tokens that are asked for at once are written together.
      const asked = Array.from({ length: 30 }, (_, index) => index % 3 === 0);
      const answers = await Promise.all(asked.map((his) => exchange(his ? sub : 'ana')));
      const [own, others] = [true, false].map((his) => answers.filter((_, index) => asked[index] === his));
      expect(new Set(others?.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(own?.map(({ status, body }) => `${String(status)} ${String(body['error'])}`))).toEqual(
        new Set(['400 invalid_request']),
      );
    },
  );

  test.each(['ana@ñandú.example', '😀', 'auth0|5f', 'CN=Ana, O="X"'])('%j is a name', async (sub) => {
    expect((await exchange(sub)).claims.sub).toBe(sub);
  });
});
