import { describe, expect, test } from '@jest/globals';
import { cpuMilliseconds } from '../../support/cpu-milliseconds.ts';
import { describeStores } from '../../support/stores.ts';
import { basic, SECRETS, type TestSts, type TokenAnswer } from '../../support/test-sts.ts';
import { CREDENTIALS, FAILED, openAuthenticatingSts, outcomeOf } from '../../support/authenticating-sts.ts';

describeStores('client authentication by secret', (openStore) => {
  const world = openAuthenticatingSts(openStore);

  describe('client secrets', () => {
    test('are stored as salted hashes alone', async () => {
      const { rows } = await world.store.writer.query('SELECT * FROM client_secrets');
      expect(rows.length).toBeGreaterThan(0);
      for (const secret of Object.values(SECRETS)) expect(JSON.stringify(rows)).not.toContain(secret);
    });
    test('a remembered success does not make a wrong secret right, nor survive another client', async () => {
      expect((await world.sts.token(CREDENTIALS, { headers: basic('bff') })).status).toBe(200);
      expect(
        outcomeOf(await world.sts.token(CREDENTIALS, { headers: basic('bff', SECRETS['operator']) })),
      ).toEqual(FAILED);
      expect(
        outcomeOf(await world.sts.token(CREDENTIALS, { headers: basic('operator', SECRETS['bff']) })),
      ).toEqual(FAILED);
    });
    test('a secret that only the form-encoded reading fits is accepted', async () => {
      const id = encodeURIComponent('bff');
      const secret = encodeURIComponent(SECRETS['bff'] ?? '');
      expect((await world.sts.token(CREDENTIALS, { headers: basic(id, secret) })).status).toBe(200);
    });
    test.each([
      ['no colon', 'Basic YmZm'],
      ['no base64', 'Basic !!!'],
      ['an empty id', `Basic ${Buffer.from(':x').toString('base64')}`],
      ['another scheme', 'Digest x'],
    ])('%s is invalid_client', async (_name, authorization) => {
      expect(outcomeOf(await world.sts.token(CREDENTIALS, { headers: { authorization } }))).toEqual(FAILED);
    });
    test('of many guesses at once no more are compared than are allowed in a minute', async () => {
      const guesses = Array.from({ length: 60 }, () =>
        world.sts.token({ ...CREDENTIALS, client_id: 'whoever', client_secret: 'wrong' }),
      );
      const statuses = (await Promise.all(guesses)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(20);
      expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    });

    test('guesses are limited per client and source, for all replicas together, the right one included', async () => {
      const guess = (at: TestSts, secret = 'wrong'): Promise<TokenAnswer> =>
        at.token(CREDENTIALS, { headers: basic('auditor', secret) });
      for (let tries = 0; tries < 9; tries += 1) {
        await world.sts.clients.attempts.reserve('auditor', '127.0.0.1');
        await world.replica.clients.attempts.reserve('auditor', '127.0.0.1');
      }
      expect(outcomeOf(await guess(world.sts))).toEqual(FAILED);
      expect(outcomeOf(await guess(world.replica))).toEqual(FAILED);
      const limited = await guess(world.sts, SECRETS['auditor']);
      expect(outcomeOf(limited)).toEqual([429, 'invalid_client']);
      expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
      expect((await guess(world.replica, SECRETS['auditor'])).status).toBe(429);
      expect((await world.sts.token(CREDENTIALS, { headers: basic('bff') })).status).toBe(200);
    });
    test('a relaying gateway names the source; nobody else can', async () => {
      const guess = (client_address: string, peer?: string) =>
        Promise.resolve(peer === undefined ? undefined : world.sts.peer(peer)).then((identity) =>
          world.sts.token(
            { ...CREDENTIALS, client_address },
            { headers: basic('nobody', 'wrong'), peer: identity },
          ),
        );
      for (let tries = 0; tries < 20; tries += 1)
        await world.sts.clients.attempts.reserve('nobody', '198.51.100.1');
      expect((await guess('198.51.100.1', 'gateway')).status).toBe(429);
      expect((await guess('198.51.100.2', 'gateway')).status).toBe(401);
      expect((await guess('198.51.100.1')).status).toBe(401);
      expect((await guess('198.51.100.2\0', 'gateway')).status).toBe(401);
    });
  });

  test('a refusal takes the same work for an unknown client and for a wrong secret', async () => {
    const time = async (id: string): Promise<number> => {
      const times: number[] = [];
      for (let tries = 0; tries < 5; tries += 1) {
        times.push(
          await cpuMilliseconds(() => world.sts.clients.secrets.verify(id, `wrong-${String(tries)}`)),
        );
      }
      return times.sort((a, b) => a - b)[2] ?? 0;
    };
    const known = await time('operator');
    const unknown = await time('nobody');
    expect(unknown / known).toBeGreaterThan(0.6);
    expect(unknown / known).toBeLessThan(1.7);
  });
});
