import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { generateSigningKey } from '@aduana/server-kit/tokens/generate-signing-key';
import { importSigningKey } from '@aduana/server-kit/tokens/import-signing-key';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { hashSecret } from '../../subgraphs/sts/clients/secret-hash.ts';
import { serviceActor } from '../support/audit-events.ts';
import { signJws } from '../support/sign-jws.ts';
import { describeSigningKeys } from '../support/signing-keys.ts';
import type { TestStore } from '../support/stores.ts';
import { createStsReplicas, type StsReplicas } from '../support/sts-replicas.ts';
import { basic, ISSUER, SECRETS, type TestSts } from '../support/test-sts.ts';
import { attackOn, expectForgeryRecorded, expectForgeryReported, loginAs } from '../support/attacked-sts.ts';

// The attacker: whoever holds the migration login, or is superuser of the database. He has no key of the provider.
const ACTOR = serviceActor('operator');
const OWN_SECRET = 'the-attackers-own-secret-0123456789';

describeSigningKeys('rows that the STS did not write', (world) => {
  let store: TestStore;
  let replicas: StsReplicas;
  let sts: TestSts;

  const open: StsReplicas['open'] = (more) => replicas.open(more);
  beforeEach(async () => {
    store = await world.openStore('sts', MIGRATIONS);
    replicas = createStsReplicas(() => ({
      ...world,
      store,
      bus: createInProcessBus(),
      clients: ['bff', 'operator'],
    }));
    sts = await open();
  });
  afterEach(() => replicas.close());

  const attack = attackOn(() => store);
  /** All rows of the tables, and how to put them back as they were. */
  async function copyOf(...tables: string[]): Promise<() => Promise<void>> {
    const copies = await Promise.all(
      tables.map(async (table) => ({ table, rows: (await attack(`SELECT * FROM ${table}`)).rows })),
    );
    return async () => {
      for (const { table, rows } of copies) {
        await attack(`DELETE FROM ${table}`);
        for (const row of rows) {
          const names = Object.keys(row);
          const places = names.map((_, index) => `$${String(index + 1)}`).join(', ');
          await attack(
            `INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`,
            ...Object.values(row),
          );
        }
      }
    };
  }

  describe('client secrets', () => {
    test('a row for a service that had none lets nobody in', async () => {
      const { salt, hash } = await hashSecret(OWN_SECRET);
      await attack(
        'INSERT INTO client_secrets (service, version, salt, hash, created_at) VALUES ($1, 1, $2, $3, $4)',
        'auditor', salt, hash, Date.now(),
      ); // prettier-ignore
      for (const at of [sts, await open()]) {
        await at.clients.secrets.reload();
        expect(await loginAs(at, 'auditor', OWN_SECRET)).toBe(401);
        expectForgeryReported(at, 'client_secrets');
        expect(await loginAs(at, 'bff')).toBe(200);
      }
    });

    test('neither does a newer version, nor a changed hash, beside or in the place of the real one', async () => {
      const { salt, hash } = await hashSecret(OWN_SECRET);
      await attack(
        `INSERT INTO client_secrets (service, version, salt, hash, created_at) VALUES ('operator', 2, $1, $2, 1)`,
        salt, hash,
      ); // prettier-ignore
      await attack(`UPDATE client_secrets SET salt = $1, hash = $2 WHERE service = 'bff'`, salt, hash);
      await sts.clients.secrets.reload();
      expect(await loginAs(sts, 'operator', OWN_SECRET)).toBe(401);
      expect(await loginAs(sts, 'operator')).toBe(200);
      expect(await loginAs(sts, 'bff', OWN_SECRET)).toBe(401);
      expect(await loginAs(sts, 'bff')).toBe(401);
      expectForgeryReported(sts, 'client_secrets');
      // The next start takes the secret that the provider holds, which the attacker does not know.
      const restarted = await open();
      expect(await loginAs(restarted, 'bff')).toBe(200);
      expect(await loginAs(restarted, 'bff', OWN_SECRET)).toBe(401);
    });

    test("another service's row and seal open nothing in a new place", async () => {
      await attack(`DELETE FROM client_secrets WHERE service = 'operator'`);
      await attack(`UPDATE client_secrets SET service = 'operator' WHERE service = 'bff'`);
      await sts.clients.secrets.reload();
      expect(await loginAs(sts, 'operator', SECRETS['bff'])).toBe(401);
    });

    test('a secret that was rotated out stays out, whatever is put back', async () => {
      const putBack = await copyOf('client_secrets');
      const { secret } = await sts.rotateSecret({
        service: 'operator',
        graceSeconds: 0,
        reason: 'x',
        actor: ACTOR,
      });
      await attack(
        `UPDATE client_secrets SET accepted_until = NULL WHERE service = 'operator' AND version = 1`,
      );
      await sts.clients.secrets.reload();
      expect(await loginAs(sts, 'operator')).toBe(401);
      await putBack();
      await sts.clients.secrets.reload();
      expect(await loginAs(sts, 'operator')).toBe(401);
      expectForgeryReported(sts, 'client_secrets');
      const restarted = await open();
      expect(await loginAs(restarted, 'operator')).toBe(401);
      expectForgeryRecorded(restarted, 'client_secrets');
      expect(await loginAs(restarted, 'operator', secret?.reveal())).toBe(200);
    });

    test('the grace of the version before cannot be made longer', async () => {
      await sts.rotateSecret({ service: 'operator', graceSeconds: 3600, reason: 'x', actor: ACTOR });
      expect(await loginAs(sts, 'operator')).toBe(200);
      await attack(
        `UPDATE client_secrets SET accepted_until = accepted_until + 1 WHERE version = 1 AND service = 'operator'`,
      );
      await sts.clients.secrets.reload();
      expect(await loginAs(sts, 'operator')).toBe(401);
    });
  });

  describe('signing keys', () => {
    /** A key of the attacker's own and a token of it that makes him operator. */
    async function ownKey() {
      const { privateJwk, kid, publicJwk } = await generateSigningKey('ES256');
      const now = Math.floor(Date.now() / 1000);
      const token = await signJws(
        importSigningKey('ES256', { ...privateJwk, kid }),
        { typ: 'at+jwt', alg: 'ES256', kid },
        {
          iss: ISSUER, aud: 'sts', sub: 'operator', client_id: 'operator', iat: now, exp: now + 600, jti: 'j',
          root_jti: 'j', scope: 'sts:keys:rotate', roles: ['admin'], amr: ['tls_client_auth'], auth_time: now,
          sub_kind: 'service', sub_iss: ISSUER,
        },
      ); // prettier-ignore
      return { kid, publicJwk: JSON.stringify(publicJwk), token };
    }
    const refuses = async (at: TestSts, token: string): Promise<void> => {
      await expect(at.verifyAny(token)).rejects.toMatchObject({ code: 'invalid_token' });
      expectForgeryReported(at, 'signing_keys');
      expect(await loginAs(at, 'bff')).toBe(200);
    };

    test('a self-signed token is refused, its key inserted as RETIRING', async () => {
      const { kid, publicJwk, token } = await ownKey();
      await attack(
        `INSERT INTO signing_keys (kid, algorithm, public_jwk, state, created_at, activates_at, retires_at)
         VALUES ($1, 'ES256', $2, 'RETIRING', 1, 1, $3)`,
        kid, publicJwk, Date.now() + 1_800_000,
      ); // prettier-ignore
      await refuses(await open(), token);
      await sts.rotate({ mode: 'NOW', reason: 'a new generation seals no forged row', actor: ACTOR });
      await refuses(sts, token);
    });

    test('so is one whose key took the place of the PENDING one, or of a RETIRING one', async () => {
      await sts.rotate({ mode: 'NOW', reason: 'x', actor: ACTOR });
      for (const state of ['PENDING', 'RETIRING']) {
        const { kid, publicJwk, token } = await ownKey();
        await attack(
          'UPDATE signing_keys SET kid = $1, public_jwk = $2 WHERE state = $3',
          kid,
          publicJwk,
          state,
        );
        await refuses(await open(), token);
      }
    });

    test.each(['RETIRED', 'REVOKED'])('a %s key does not verify again as RETIRING', async (state) => {
      const before = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
      const token = String(before.body['access_token']);
      await sts.rotate({ mode: state === 'REVOKED' ? 'COMPROMISED' : 'NOW', reason: 'x', actor: ACTOR });
      const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
        kid: string;
      };
      if (state === 'RETIRED') await attack('UPDATE signing_keys SET retires_at = 1 WHERE kid = $1', kid);
      await attack(
        `UPDATE signing_keys SET state = 'RETIRING', retires_at = $2 WHERE kid = $1`,
        kid, Date.now() + 1_800_000,
      ); // prettier-ignore
      const replica = await open();
      expect(replica.ring.published().map((key) => key.kid)).not.toContain(kid);
      await refuses(replica, token);
    });

    test('keys that were put back after a compromise sign and verify nothing, in any replica', async () => {
      const putBack = await copyOf('signing_keys', 'key_generation');
      const token = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
      await sts.rotate({ mode: 'COMPROMISED', reason: 'x', actor: ACTOR });
      await putBack();
      await expect(sts.ring.reload()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
      await expect(sts.verifyAny(String(token.body['access_token']))).rejects.toMatchObject({
        code: 'invalid_token',
      });
      expectForgeryReported(sts, 'key_generation');
      await expect(open()).rejects.toMatchObject({
        problems: [{ problem: expect.stringContaining('rolled back') as unknown }],
      });
    });

    test('one row of an earlier generation is no row of this one', async () => {
      await sts.rotate({ mode: 'NOW', reason: 'x', actor: ACTOR });
      const old = (await attack(`SELECT * FROM signing_keys WHERE state = 'RETIRING'`)).rows[0] ?? {};
      await sts.rotate({ mode: 'COMPROMISED', kid: String(old['kid']), reason: 'x', actor: ACTOR });
      await attack(
        `UPDATE signing_keys SET state = 'RETIRING', retires_at = $2, seal = $3 WHERE kid = $1`,
        old['kid'], old['retires_at'], old['seal'],
      ); // prettier-ignore
      const replica = await open();
      expect(replica.ring.published().map(({ kid }) => kid)).not.toContain(old['kid']);
      expectForgeryReported(replica, 'signing_keys');
    });

    test.each(['generation + 1', 'generation - 1'])(
      'a generation that was set to %s stops the keys',
      async (to) => {
        await sts.rotate({ mode: 'NOW', reason: 'x', actor: ACTOR });
        await attack(`UPDATE key_generation SET generation = ${to}`);
        await expect(sts.ring.reload()).rejects.toMatchObject({ status: 503 });
        expectForgeryReported(sts, 'key_generation');
      },
    );
  });
});
