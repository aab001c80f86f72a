import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { serviceActor } from '../support/audit-events.ts';
import { describeOneStore, type TestStore } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

// The attacker: whoever has copied the key of a service's certificate. Before it is revoked he collects the service's secret,
// which needs no certificate any more.
const ACTOR = serviceActor('operator');

describeOneStore('H4 a client secret that was collected with a stolen key', (openStore) => {
  let store: TestStore;
  let sts: TestSts;
  let replica: TestSts;
  let stolen: PeerIdentity;
  beforeEach(async () => {
    store = await openStore('sts', MIGRATIONS);
    const bus = createInProcessBus();
    sts = await openTestSts({ openStore, store, bus, clients: ['bff', 'operator'] });
    replica = await openTestSts({ openStore, store, bus, secrets: sts.secrets, ca: sts.ca, clients: [] });
    stolen = await sts.peer('bff');
  });
  afterEach(() => Promise.all([sts.close(), replica.close()]));

  const collect = async (peer: PeerIdentity, at = sts): Promise<{ version: number; secret: string }> => {
    const { status, body } = await at.call({ method: 'GET', path: '/sts/client-secret', peer });
    expect(status).toBe(200);
    return JSON.parse(String(body)) as { version: number; secret: string };
  };
  const login = async (secret: string | undefined, at = sts, id = 'bff'): Promise<number> =>
    (await at.token({ grant_type: 'client_credentials' }, { headers: basic(id, secret) })).status;
  async function tell(entry: object): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ entries: [entry] });
    expect(
      (await sts.call({ path: '/sts/status', headers, peer: await sts.peer('admin'), body })).status,
    ).toBe(200);
    for (const at of [sts, replica]) {
      await at.status.read();
      await at.clients.secrets.reload(); // as every 3 s
    }
  }
  const revoke = ({ thumbprint }: PeerIdentity) =>
    tell({ id: `c-${thumbprint}`, kind: 'certificate_revoked', thumbprint });

  test('ends with the certificate, in every replica, however often it was right before', async () => {
    const { secret } = await collect(stolen);
    for (const at of [sts, replica]) expect(await login(secret, at)).toBe(200);
    await revoke(stolen);
    for (const at of [sts, replica]) expect(await login(secret, at)).toBe(401);
    expect(await login(undefined, sts, 'operator')).toBe(200);
    const restarted = await openTestSts({ openStore, store, secrets: sts.secrets, ca: sts.ca, clients: [] });
    expect(await login(secret, restarted)).toBe(401);
    await restarted.close();
  });

  test('the service gets another one with its next certificate, which is recorded', async () => {
    const { secret, version } = await collect(stolen);
    await revoke(stolen);
    const renewed = await sts.peer('bff');
    const next = await collect(renewed, replica);
    expect(next.version).toBe(version + 1);
    expect(next.secret).not.toBe(secret);
    expect(await login(next.secret, replica)).toBe(200);
    expect(await login(secret, replica)).toBe(401);
    expect(replica.records.map(({ type, actor }) => [type, actor.cert_thumbprint])).toEqual(
      expect.arrayContaining([
        ['secret.rotate', renewed.thumbprint],
        ['secret.collect', renewed.thumbprint],
      ]),
    );
    expect((await collect(renewed)).version).toBe(next.version); // and keeps it
  });

  test('ends too where it is the version before in its grace, or the one after', async () => {
    const before = await collect(stolen);
    await sts.rotateSecret({ service: 'bff', graceSeconds: 3600, reason: 'x', actor: ACTOR });
    await replica.clients.secrets.reload();
    expect(await login(before.secret)).toBe(200);
    const renewed = await sts.peer('bff');
    const after = await collect(renewed);
    await revoke(stolen);
    expect(await login(before.secret)).toBe(401);
    expect(await login(after.secret)).toBe(200);
    const third = await sts.peer('bff');
    await collect(third);
    await revoke(third);
    expect(await login(after.secret)).toBe(401);
  });

  test('a certificate with which nothing was collected takes nothing along', async () => {
    const { secret } = await collect(await sts.peer('bff'));
    await revoke(stolen);
    expect(await login(secret)).toBe(200);
  });

  test('is refused while the service is suspended', async () => {
    const { secret } = await collect(stolen);
    await tell({ id: 's1', kind: 'service_suspended', service: 'bff' });
    expect(await login(secret)).toBe(401);
  });

  test('a row that somebody else wrote ends no secret, and is reported', async () => {
    const { secret, version } = await collect(await sts.peer('bff'));
    await store.superuser.query('INSERT INTO secret_collections VALUES ($1, $2, $3, $4)', [
      'bff', version, stolen.thumbprint, 'x',
    ]); // prettier-ignore
    await revoke(stolen);
    expect(await login(secret)).toBe(200);
    expect(sts.seals.forged.state).toContain('forged');
  });
});
