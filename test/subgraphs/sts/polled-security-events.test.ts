import { expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { describeOneStore } from '../../support/stores.ts';
import { until } from '../../support/until.ts';
import { openSignalWorld } from '../../support/signal-world.ts';

describeOneStore('security events of a transmitter that is polled', (openStore) => {
  const world = openSignalWorld(openStore);
  const { about, eventsOf, isRevoked } = world;

  const deliver = async (sub: string, claims: object = {}): Promise<string> => {
    const set = await world.polled.sign({ ...about(sub, world.polled.issuer), ...claims });
    const { jti = '' } = decodeJwt(set);
    world.polled.waiting.set(jti, set);
    return jti;
  };

  test('they are taken, and acknowledged once they are durable', async () => {
    const jti = await deliver('ana');
    await until(() => !world.polled.waiting.has(jti));
    expect(isRevoked('ana', world.polled.issuer)).toBe(true);
    expect(eventsOf(jti)).toMatchObject([{ detail: { effect: 'revoked', delivery: 'poll' } }]);
  });

  test('one that is refused is reported with its reason, and holds up no other', async () => {
    const bad = await deliver('ben', { aud: 'other' });
    const foreign = await world.pushing.sign(about('cleo'));
    world.polled.waiting.set('foreign', foreign);
    const good = await deliver('dora');
    await until(() => world.polled.waiting.size === 0);
    expect(isRevoked('dora', world.polled.issuer)).toBe(true);
    expect(isRevoked('cleo')).toBe(false);
    const errors = Object.assign({}, ...world.polled.polls.map(({ setErrs }) => setErrs)) as object;
    expect(errors).toMatchObject({
      [bad]: { err: 'invalid_audience' },
      foreign: { err: 'invalid_issuer' },
    });
    expect(world.polled.polls.flatMap(({ ack = [] }) => ack)).toContain(good);
  });

  test('nothing is lost where it restarts, or the log is away meanwhile', async () => {
    await world.polled.stop();
    const jti = await deliver('finn');
    world.auditIsAway = true;
    await world.polled.start();
    const polls = world.polled.polls.length;
    await until(() => world.polled.polls.length > polls);
    await until(() => isRevoked('finn', world.polled.issuer));
    expect(world.polled.waiting.has(jti)).toBe(true);
    world.auditIsAway = false;
    await until(() => !world.polled.waiting.has(jti));
    expect(eventsOf(jti).at(-1)).toMatchObject({ detail: { effect: 'revoked' } });
  });

  test('its token is read anew, and nobody is asked any more once the policies say so', async () => {
    const folder = world.sts.settings.POLICIES_DIR;
    world.polled.token = 'rotated';
    writeFileSync(join(folder, 'poll.token'), 'rotated');
    const jti = await deliver('gus');
    await until(() => !world.polled.waiting.has(jti));
    writeFileSync(join(folder, 'trusted_issuers.yaml'), `version: 1\nissuers:\n${world.pushed}`);
    await until(() => !world.sts.clients.policies().issuers.has(world.polled.issuer));
    const late = await deliver('hal');
    expect(world.polled.waiting.has(late)).toBe(true);
  });
});
