import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { askForwarded, type ForwardedRequest, proxyHeader } from '../support/forwarded-client.ts';
import { createStoppedClock } from '../support/fake-clock.ts';
import { type ServedSts, serveTestSts } from '../support/served-sts.ts';
import { describeOneStore } from '../support/stores.ts';
import { basic } from '../support/test-sts.ts';

// The attacker: a client behind the balancer that the honest ones are behind, too.
const BALANCER = '127.0.0.1';
const HOSTILE = '198.51.100.66';
const HONEST = '198.51.100.1';
/** More than one client may get wrong in a minute, from one address. */
const GUESSES = 25;

const policyFile = (name: string): string => readFileSync(`policies/${name}`, 'utf8');
/** As shipped, but subgraphs may ask about the tokens of others, in one network alone. */
const POLICIES = {
  'service_identities.yaml': policyFile('service_identities.yaml'),
  'iam_policies.yaml': policyFile('iam_policies.yaml')
    .replace('conditions:', `conditions:\n  our_network: { cidr: [${HONEST}/32] }`)
    .replace(
      'subgraph:\n    permissions: [',
      'subgraph:\n    permissions: [{ allow: sts:tokens:introspect, when: [our_network] }, ',
    ),
};

describeOneStore('a client that guesses secrets from behind a balancer', (openStore) => {
  let sts: ServedSts;
  beforeAll(async () => {
    sts = await serveTestSts({
      openStore,
      clients: ['bff'],
      policies: POLICIES,
      balancers: [BALANCER],
      clock: createStoppedClock(),
    });
  });
  afterAll(() => sts.stop());

  const post = (address: string, path: string, more: Partial<ForwardedRequest>) =>
    askForwarded(Number(new URL(sts.origin).port), {
      header: proxyHeader(address),
      ca: sts.ca.cert,
      method: 'POST',
      path,
      ...more,
      headers: { ...more.headers, 'content-type': 'application/x-www-form-urlencoded' },
    });
  const authenticate = (address: string, secret?: string) =>
    post(address, '/sts/token', { headers: basic('bff', secret), body: 'grant_type=client_credentials' });

  test('locks out its own address, and nobody else behind the balancer', async () => {
    const told: number[] = [];
    for (let n = 0; n < GUESSES; n += 1)
      told.push((await authenticate(HOSTILE, `wrong ${String(n)}`)).status);
    expect([told[0], told.at(-1)]).toEqual([401, 429]);
    expect((await authenticate(HOSTILE)).status).toBe(429);
    expect((await authenticate(HONEST)).status).toBe(200);
    const { rows } = await sts.store.writer.query<{ source: string }>(
      'SELECT DISTINCT source FROM failed_authentications WHERE failures > 0',
    );
    expect(rows).toEqual([{ source: HOSTILE }]);
  });

  test('is locked out with all of its IPv6 network, in which it has as many addresses as it likes', async () => {
    const told: number[] = [];
    for (let n = 1; n <= GUESSES; n += 1)
      told.push((await authenticate(`2001:db8:1:2:0:0:0:${String(n)}`, 'wrong')).status);
    expect([told[0], told.at(-1)]).toEqual([401, 429]);
    expect((await authenticate('2001:db8:1:2:ffff:0:0:1')).status).toBe(429);
    expect((await authenticate('2001:db8:1:3:0:0:0:1')).status).toBe(200);
  });

  test('a condition of a policy judges the address of the client, not that of the balancer', async () => {
    const { access_token: token } = JSON.parse((await authenticate(HONEST)).body) as { access_token: string };
    const leaf = await sts.ca.issue('leads');
    const ask = async (address: string): Promise<unknown> =>
      JSON.parse((await post(address, '/sts/introspect', { leaf, body: `token=${token}` })).body);
    expect(await ask(HONEST)).toMatchObject({ active: true, sub: 'bff' });
    expect(await ask('198.51.100.2')).toEqual({ active: false });
  });
});
