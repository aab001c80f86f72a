import { describe, expect, test } from '@jest/globals';
import { encodeCertificateChain, TOKEN_TYPE_X509_SVID } from '@aduana/core/tokens/token-exchange';
import { describeSigningKeys } from '../../support/signing-keys.ts';
import { type TokenAnswer } from '../../support/test-sts.ts';
import { openExchangeWorld, outcomeOf } from '../../support/exchange-world.ts';

describeSigningKeys('the actors of an exchanged token', (signing) => {
  const world = openExchangeWorld(signing);
  const { exchange } = world;

  describe('the chain of actors', () => {
    test('the requester is the actor, also without an actor token', async () => {
      const { claims } = await exchange({});
      expect(claims).toMatchObject({ sub: 'bff', client_id: 'gateway', act: { sub: 'gateway' } });
    });
    test('earlier actors are nested beneath the current one', async () => {
      const actor = await world.sts.peer('actuator');
      const first = await exchange({
        audience: 'gateway',
        actor_token: encodeCertificateChain(actor.chain),
        actor_token_type: TOKEN_TYPE_X509_SVID,
      });
      expect(first.claims.act).toMatchObject({ sub: 'actuator' });
      const second = await exchange({ subject_token: String(first.body['access_token']) });
      expect(second.claims.act).toMatchObject({ sub: 'gateway', act: { sub: 'actuator' } });
    });
    test('a chain that would be deeper than 8 is refused, not cut', async () => {
      let subject = world.bffToken;
      let answer: TokenAnswer | undefined;
      for (let depth = 1; depth <= 9; depth += 1) {
        const actor = await world.sts.peer(depth % 2 === 0 ? 'actuator' : 'operator');
        answer = await exchange({
          subject_token: subject,
          audience: 'gateway',
          actor_token: encodeCertificateChain(actor.chain),
          actor_token_type: TOKEN_TYPE_X509_SVID,
        });
        if (answer.status === 200) subject = String(answer.body['access_token']);
      }
      expect(answer && outcomeOf(answer)).toEqual([400, 'invalid_request']);
    });
    test('claims of the deployment cannot be set by parameters', async () => {
      const { claims } = await exchange({
        act: '{"sub":"admin"}',
        client_id: 'gateway',
        cnf: '{}',
        roles: 'admin',
      });
      expect(claims).toMatchObject({ roles: ['bff'], act: { sub: 'gateway' } });
    });
  });

  test('only the subject and the current actor authorize: a scope that only a former actor has is not granted', async () => {
    const actor = await world.sts.peer('actuator');
    const answer = await exchange({
      audience: 'leads',
      scope: 'leads:write',
      actor_token: encodeCertificateChain(actor.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    });
    expect(outcomeOf(answer)).toEqual([400, 'invalid_scope']);
  });

  test('a delegated subject token keeps its actors', async () => {
    const first = await exchange({ audience: 'gateway' });
    const second = await exchange({ subject_token: String(first.body['access_token']) });
    expect(second.claims.act).toBeDefined();
  });

  test('the actor is in the introspection answer and in the audit event', async () => {
    const { claims, body } = await exchange({});
    const event = world.sts.records.find(({ detail }) => detail?.['jti'] === claims.jti);
    expect(event).toMatchObject({ type: 'token.exchange', actor: { sub: 'bff', act: ['gateway'] } });
    const answer = await world.sts.call({
      path: '/sts/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      peer: world.gateway,
      body: new URLSearchParams({ token: String(body['access_token']) }).toString(),
    });
    expect(JSON.parse(String(answer.body))).toMatchObject({ active: true, act: { sub: 'gateway' } });
  });

  test('a suspended actor is refused at once', async () => {
    const actor = await world.sts.peer('actuator');
    const form = {
      audience: 'gateway',
      actor_token: encodeCertificateChain(actor.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    };
    const before = await exchange(form);
    await suspend('actuator');
    expect(outcomeOf(await exchange(form))).toEqual([400, 'invalid_request']);
    const late = await exchange({ subject_token: String(before.body['access_token']) });
    expect(outcomeOf(late)).toEqual([400, 'invalid_request']);
    await suspend('actuator', 'service_restored');
    expect((await exchange(form)).status).toBe(200);
  });

  async function suspend(service: string, kind = 'service_suspended'): Promise<void> {
    const answer = await world.sts.call({
      path: '/sts/status',
      headers: { 'content-type': 'application/json' },
      peer: await world.sts.peer('admin'),
      body: JSON.stringify({ entries: [{ id: `${kind}:${service}`, kind, service }] }),
    });
    expect(answer.status).toBe(200);
  }
});
