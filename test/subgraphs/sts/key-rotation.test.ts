import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import type { RotationMode } from '@aduana/server-kit/tokens/key-set';
import type { KeyRotation } from '../../../subgraphs/sts/keys/key-rotation.ts';
import { readUnverifiedKeySet } from '../../../subgraphs/sts/keys/key-store.ts';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';
import { serviceActor } from '../../support/audit-events.ts';
import { describeSigningKeys } from '../../support/signing-keys.ts';
import type { TestStore } from '../../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../../support/test-sts.ts';

const ACTOR = serviceActor('operator');

describeSigningKeys(
  'signing keys',
  (world) => {
    const { openStore } = world;
    let store: TestStore;
    let sts: TestSts;
    let replica: TestSts;
    beforeAll(async () => {
      store = await openStore('sts', MIGRATIONS);
      const shared = { ...world, store, bus: createInProcessBus() };
      sts = await openTestSts({ ...shared, clients: ['bff', 'operator'] });
      replica = await openTestSts({ ...shared, secrets: sts.secrets, ca: sts.ca });
    });
    afterAll(async () => {
      await sts.close();
      await replica.close();
    });

    const order = (mode: RotationMode, more: { kid?: string; idempotencyKey?: string } = {}) => ({
      mode,
      reason: 'a test',
      actor: ACTOR,
      ...more,
    });
    const jwksKids = async (at: TestSts): Promise<string[]> => {
      const { body } = await at.call({ method: 'GET', path: '/sts/jwks' });
      return (JSON.parse(String(body)) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    };
    const generation = async (): Promise<number> =>
      (await readUnverifiedKeySet(store.writer))?.set.generation ?? 0;
    const rotationRecords = (): number =>
      [...sts.records, ...replica.records].filter(({ type }) => type === 'key.rotate').length;
    const bffToken = async (at: TestSts): Promise<string> =>
      String(
        (await at.token({ grant_type: 'client_credentials' }, { headers: basic('bff') })).body[
          'access_token'
        ],
      );

    test('replicas that start together share one set of one active and one pending key', async () => {
      expect(await jwksKids(replica)).toEqual(await jwksKids(sts));
      const { set } = (await readUnverifiedKeySet(store.writer)) ?? { set: { keys: [] } };
      expect(set.keys.map(({ state }) => state).sort()).toEqual(['ACTIVE', 'PENDING']);
    });

    test('private parts lie wrapped in the store until a key signs no more, or are no part of it', async () => {
      await sts.rotate(order('NOW'));
      const { rows } = await store.writer.query<{
        state: string;
        private_wrapped: string | null;
        reference: string | null;
        public_jwk: string;
      }>('SELECT state, private_wrapped, reference, public_jwk FROM signing_keys');
      for (const row of rows) {
        const signs = row.state === 'ACTIVE' || row.state === 'PENDING';
        expect(row.private_wrapped !== null).toBe(signs && world.remoteKeys === undefined);
        expect(row.reference !== null).toBe(world.remoteKeys !== undefined);
        expect(row.public_jwk).not.toContain('"d"');
      }
    });

    test('after a rotation every replica signs with the new key, and verifies what the old one signed', async () => {
      const before = await bffToken(sts);
      const rotation = await sts.rotate(order('NOW'));
      await replica.ring.reload();
      const { status } = await sts.verifyAny(before).then(() => ({ status: 200 }));
      expect(status).toBe(200);
      const { kid } = await replica.verifyAny(await bffToken(replica));
      expect(kid).toBe(rotation.active.kid);
      await expect(replica.verifyAny(before)).resolves.toBeDefined();
    });

    test('twenty concurrent rotations over two replicas are one step, and all are told of it', async () => {
      const before = await generation();
      const recorded = rotationRecords();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? sts : replica).rotate(order('NOW'))),
      );
      expect(new Set(results.map(({ id }) => id)).size).toBe(1);
      expect(await generation()).toBe(before + 1);
      expect(rotationRecords()).toBe(recorded + 1);
    });

    test('two rotations one after the other are two steps', async () => {
      const first = await sts.rotate(order('NOW'));
      const second = await replica.rotate(order('NOW'));
      expect(second.id).not.toBe(first.id);
      expect(second.previous?.kid).toBe(first.active.kid);
    });

    test('an idempotency key makes a repetition tell the first result, and never stands for another request', async () => {
      const first = await sts.rotate(order('NOW', { idempotencyKey: 'once' }));
      const again = await replica.rotate(order('NOW', { idempotencyKey: 'once' }));
      expect(again).toEqual(first);
      await expect(sts.rotate(order('COMPROMISED', { idempotencyKey: 'once' }))).rejects.toMatchObject({
        code: 'CONFLICT',
        status: 409,
      });
    });

    test.each(['', 'a\0b', '\ud800', 'k'.repeat(257)])(
      'the idempotency key %j, which no column holds as it is, is refused',
      async (idempotencyKey) => {
        await expect(sts.rotate(order('NOW', { idempotencyKey }))).rejects.toMatchObject({
          code: 'BAD_REQUEST',
        });
      },
    );

    test('a compromised key is refused at every replica once the feed is read', async () => {
      const token = await bffToken(sts);
      const rotation = await sts.rotate(order('COMPROMISED'));
      expect(rotation.previous).toMatchObject({ state: 'REVOKED' });
      await replica.status.read();
      await replica.ring.reload();
      for (const at of [sts, replica]) {
        await at.status.read();
        await expect(at.verifyAny(token)).rejects.toMatchObject({ code: 'invalid_token' });
        expect(await jwksKids(at)).not.toContain(rotation.previous?.kid);
      }
    });

    test('a rotation without a reason changes nothing', async () => {
      const before = await generation();
      await expect(sts.rotate({ ...order('NOW'), reason: ' ' })).rejects.toMatchObject({ status: 400 });
      expect(await generation()).toBe(before);
    });

    describe('POST /sts/rotate-keys', () => {
      const rotate = async (
        body: object,
        parts: object,
      ): Promise<{ status: number; body: Record<string, unknown> }> => {
        try {
          const { status, body: answer } = await sts.call({
            path: '/sts/rotate-keys',
            body: JSON.stringify(body),
            ...parts,
            headers: { 'content-type': 'application/json', ...(parts as { headers?: object }).headers },
          });
          return { status, body: JSON.parse(String(answer)) as Record<string, unknown> };
        } catch (error) {
          const { status, code } = error as { status: number; code: string };
          return { status, body: { error: code } };
        }
      };
      test('an operator rotates by Basic, by certificate and by a token for sts', async () => {
        const peer = await sts.peer('operator');
        const bound = await sts.token({ grant_type: 'client_credentials', audience: 'sts' }, { peer });
        const order = { mode: 'now', reason: 'drill' };
        const unbound = await sts.token(
          { grant_type: 'client_credentials', audience: 'sts' },
          { headers: basic('operator') },
        );
        for (const parts of [
          { headers: { authorization: `Bearer ${String(unbound.body['access_token'])}` } },
          { headers: basic('operator') },
          { peer },
          { peer, headers: { authorization: `Bearer ${String(bound.body['access_token'])}` } },
        ]) {
          const answer = await rotate(order, parts);
          expect(answer).toMatchObject({ status: 200, body: { mode: 'NOW', reason: 'drill' } });
          expect((answer.body as unknown as KeyRotation).pending?.state).toBe('PENDING');
          expect(sts.records.at(-1)).toMatchObject({
            type: 'key.rotate',
            trace: { trace_id: 'a'.repeat(32) },
          });
        }
      });
      test('whoever lacks sts:keys:rotate is refused, and so is a token for another audience', async () => {
        const order = { mode: 'now', reason: 'x' };
        expect((await rotate(order, { headers: basic('bff') })).status).toBe(403);
        expect((await rotate(order, { peer: await sts.peer('gateway') })).status).toBe(403);
        expect((await rotate(order, {})).status).toBe(401);
        const { body } = await sts.token(
          { grant_type: 'client_credentials' },
          { headers: basic('operator') },
        );
        const headers = { authorization: `Bearer ${String(body['access_token'])}` };
        expect((await rotate(order, { headers })).status).toBe(401);
      });
      test('SCHEDULED within the lead is 409 with the time when it is not', async () => {
        const headers = basic('operator');
        expect((await rotate({ mode: 'now', reason: 'x' }, { headers })).status).toBe(200);
        const early = await rotate({ mode: 'SCHEDULED', reason: 'x' }, { headers });
        expect(early).toMatchObject({ status: 409, body: { error: 'ROTATION_TOO_EARLY' } });
      });
      test.each([[{ mode: 'whatever', reason: 'x' }], [{ mode: 'now' }], [[]]])('%j is 400', async (body) => {
        expect((await rotate(body, { headers: basic('operator') })).status).toBe(400);
      });
    });

    if (world.remoteKeys === undefined)
      test('a private part that was moved to another key is refused', async () => {
        await store.writer.query(
          `UPDATE signing_keys SET private_wrapped = (SELECT private_wrapped FROM signing_keys WHERE state = 'PENDING')
       WHERE state = 'ACTIVE'`,
        );
        await store.writer.query('UPDATE key_generation SET generation = generation + 1');
        await expect(sts.ring.reload()).rejects.toMatchObject({ code: 'temporarily_unavailable' });
      });
  },
  ['store', 'vault_transit', 'aws_kms'],
);
