import { jwtVerify } from 'jose';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createExpiringIds } from '@aduana/core/platform/expiring-ids';
import { generateSigningKey } from '@aduana/server-kit/tokens/generate-signing-key';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { importSigningKey } from '@aduana/server-kit/tokens/import-signing-key';
import { signAccessToken } from '@aduana/server-kit/tokens/sign-access-token';
import { createAccessTokenVerifier } from '@aduana/core/tokens/verify-access-token';

const ISSUER = 'https://localhost:8011';

/** Verification at first sight beside bare `jwtVerify`, of a seen token, and the memory of ten million revoked ids. */
export async function measureVerification(smoke) {
  const count = smoke ? 500 : 5_000;
  const clock = createSystemClock();
  const { privateJwk, publicJwk } = await generateSigningKey('ES256');
  const signer = importSigningKey('ES256', privateJwk);
  const keys = await parseJwkSet({ keys: [publicJwk] }, ['ES256']);
  const revoked = createExpiringIds();
  const ids = smoke ? 100_000 : 10_000_000;
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < ids; n += 1) revoked.add(`01a20d10-0aa5-7a0b-8e13-${n}`, 2 ** 32 - 1);
  const revokedMiB = (process.memoryUsage().arrayBuffers - before) / 2 ** 20;
  const verify = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: 'leads',
    keys: { find: (kid) => Promise.resolve(keys.get(kid)) },
    status: {
      isTokenRevoked: (jti, root) => revoked.has(jti) || (root !== jti && revoked.has(root)),
      isKeyRevoked: () => false,
      isServiceSuspended: () => false,
      isSubjectRevoked: () => false,
      isCertificateRevoked: () => false,
      assertFresh: () => undefined,
    },
    clock,
    cacheCapacity: count * 4,
  });
  const make = () => Promise.all(Array.from({ length: count }, (_, n) => signAccessToken(claims(n), signer)));
  const key = keys.get(publicJwk.kid).key;
  const bare = (token) =>
    jwtVerify(token, key, { issuer: ISSUER, audience: 'leads', typ: 'at+jwt', algorithms: ['ES256'] });

  await cpuPerCall(await make(), bare);
  await cpuPerCall(await make(), verify);
  const [bareUs, firstUs] = [[], []];
  for (let round = 0; round < 5; round += 1) {
    bareUs.push(await cpuPerCall(await make(), bare));
    firstUs.push(await cpuPerCall(await make(), verify));
  }
  const seen = await make();
  await cpuPerCall(seen, verify);
  const again = [];
  for (let round = 0; round < 20; round += 1) again.push(await cpuPerCall(seen, verify));
  const [floor, first, hit] = [median(bareUs), median(firstUs), median(again)];
  console.log(`verification, one at a time
  bare jwtVerify   ${floor.toFixed(1)} us CPU
  first sight      ${first.toFixed(1)} us CPU (${(first / floor).toFixed(2)} x)
  a seen token     ${hit.toFixed(2)} us CPU
  ${ids.toLocaleString('en')} revoked ids take ${revokedMiB.toFixed(0)} MiB`);
}

async function cpuPerCall(tokens, verify) {
  const before = process.cpuUsage();
  for (const token of tokens) await verify(token);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / tokens.length;
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

function claims(n) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER, aud: 'leads', sub: 'bff', client_id: 'gateway', jti: `jti-${n}-${Math.random()}`, root_jti: `root-${n}`,
    iat: now, exp: now + 900, scope: 'leads:read campaigns:read', roles: ['bff'], amr: ['client_secret_basic'],
    auth_time: now, sub_kind: 'service', sub_iss: ISSUER, act: { sub: 'gateway', iss: ISSUER },
    cnf: { 'x5t#S256': 'A'.repeat(43) },
  }; // prettier-ignore
}
