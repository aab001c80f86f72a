import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Secret } from '@aduana/core/secrets/secret';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { prune } from '../../subgraphs/sts/prune.ts';
import { serviceActor } from '../support/audit-events.ts';
import { createMemorySecrets } from '../support/memory-secrets.ts';
import { describeOneStore, type TestStore } from '../support/stores.ts';
import { createStsReplicas, type StsReplicas } from '../support/sts-replicas.ts';
import { type TestSts } from '../support/test-sts.ts';
import { attackOn, expectForgeryReported, loginAs } from '../support/attacked-sts.ts';

// The attacker: whoever can write the STS's tables, and wants back what was withdrawn.
const ACTOR = serviceActor('operator');
const THUMBPRINT = 'T'.repeat(43);

describeOneStore('H3 a status feed that the STS did not write', (openStore) => {
  let store: TestStore;
  let replicas: StsReplicas;
  let sts: TestSts;

  const open: StsReplicas['open'] = (more) => replicas.open(more);
  async function send(at: TestSts, ...entries: object[]): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const peer = await at.peer('admin');
    const { status } = await at.call({
      path: '/sts/status',
      headers,
      peer,
      body: JSON.stringify({ entries }),
    });
    expect(status).toBe(200);
  }
  const suspend = (service: string, id: string) => ({ id, kind: 'service_suspended', service });
  const restore = (service: string, id: string) => ({ id, kind: 'service_restored', service });
  beforeEach(async () => {
    store = await openStore('sts', MIGRATIONS);
    replicas = createStsReplicas(() => ({
      openStore,
      store,
      bus: createInProcessBus(),
      clients: ['bff'],
    }));
    sts = await open();
    await send(sts, suspend('bff', 'e1'), { id: 'e2', kind: 'certificate_revoked', thumbprint: THUMBPRINT });
  });
  afterEach(() => replicas.close());

  const attack = attackOn(() => store);

  /** What whoever reads the feed from its start hears. */
  async function feedOf(at: TestSts): Promise<readonly string[]> {
    const { body } = await at.call({ method: 'GET', path: '/sts/status', peer: await at.peer('leads') });
    const { entries } = JSON.parse(String(body)) as { entries: { kind: string; service?: string }[] };
    return entries.map(({ kind, service }) => `${kind} ${service ?? ''}`.trim());
  }
  const WHOLE = ['service_suspended bff', 'certificate_revoked'];
  async function expectWithdrawn(at: TestSts): Promise<void> {
    await at.status.read();
    expect(await loginAs(at, 'bff')).toBe(401);
    expect(at.status.isCertificateRevoked(THUMBPRINT)).toBe(true);
    expect(await feedOf(at)).toEqual(WHOLE);
  }

  /** A running STS goes on with what it knows, and says so; none starts on what is left. */
  async function expectRefused(table = 'status_entries'): Promise<void> {
    await expect(sts.feed.check()).rejects.toMatchObject({ code: 'STATUS_UNAVAILABLE' });
    expectForgeryReported(sts, table);
    expect(sts.status.isServiceSuspended('bff')).toBe(true);
    expect(sts.status.isCertificateRevoked(THUMBPRINT)).toBe(true);
    await expect(open()).rejects.toMatchObject({
      problems: [{ remedy: expect.stringContaining('STATUS_FEED_ACCEPT') as unknown }],
    });
  }
  const RESTORED = JSON.stringify({ kind: 'service_restored', service: 'bff' });

  test.each([
    ['without a seal', 'NULL'],
    ['with one of the attacker', `'${'A'.repeat(43)}'`],
    ['with that of another row', '(SELECT seal FROM status_entries WHERE seq = 1)'],
  ])('a row that gives rights back, %s, gives none', async (_name, seal) => {
    await attack('ALTER TABLE status_entries DROP CONSTRAINT status_entries_sealed');
    for (const seq of ['3', '900'])
      await attack(
        `INSERT INTO status_entries (seq, id, at, entry, seal) VALUES (${seq}, 'f${seq}', 1, $1, ${seal})`,
        RESTORED,
      );
    await expectWithdrawn(sts);
    await sts.feed.check();
    expectForgeryReported(sts, 'status_entries');
    const replica = await open();
    await expectWithdrawn(replica);
    expectForgeryReported(replica, 'status_entries');
    // What is decided next takes the place of the forged row.
    await send(replica, suspend('actuator', 'e3'));
    for (const at of [sts, replica])
      expect(await feedOf(at)).toEqual([...WHOLE, 'service_suspended actuator']);
  });

  test('nor does a head that counts such a row', async () => {
    await attack(
      `INSERT INTO status_entries (seq, id, at, entry, seal) VALUES (3, 'f', 1, $1, 'x')`,
      RESTORED,
    );
    await attack('UPDATE status_head SET seq = 3, kept = 3');
    await expect(sts.status.read()).rejects.toMatchObject({ code: 'STATUS_UNAVAILABLE' });
    await expectRefused('status_head');
  });

  test.each([
    ['a changed text', 'UPDATE status_entries SET entry = $1 WHERE seq = 1'],
    ['a text that is moved', 'UPDATE status_entries SET entry = (SELECT entry FROM status_entries WHERE seq = 2) WHERE seq = 1 AND $1 <> id'],
    ['a row that is moved', 'UPDATE status_entries SET seq = 3 WHERE seq = 1 AND $1 <> id'],
    ['an end that is set', 'UPDATE status_entries SET until = 1 WHERE seq = 1 AND $1 <> id'],
    ['a row that is missing', 'DELETE FROM status_entries WHERE seq = 1 AND $1 <> id'],
    ['a last row that is missing', 'DELETE FROM status_entries WHERE seq = 2 AND $1 <> id'],
    ['all rows missing', 'DELETE FROM status_entries WHERE $1 <> id'],
  ])('%s is refused, and takes nothing back', async (_name, sql) => {
    await attack(sql, RESTORED);
    await expectWithdrawn(sts); // from memory
    await expectRefused();
  }); // prettier-ignore

  test('a row that is missing is not made up for by another one that is there twice', async () => {
    await attack('ALTER TABLE status_entries DROP CONSTRAINT status_entries_pkey');
    await attack('ALTER TABLE status_entries DROP CONSTRAINT status_entries_id_key');
    await attack('DELETE FROM status_entries WHERE seq = 1');
    await attack('INSERT INTO status_entries SELECT * FROM status_entries');
    await expectRefused();
  });

  test('a feed that was rolled back with its head is refused by who knows the newer one, a later start included', async () => {
    await send(sts, restore('bff', 'e3'));
    const { rows } = await attack('SELECT seq, kept, passing, pruned_until, seal FROM status_head');
    await send(sts, suspend('bff', 'e4'));
    await sts.seals.latest.save(); // within seconds
    await attack('DELETE FROM status_entries WHERE seq = 4');
    await attack(
      'UPDATE status_head SET seq = $1, kept = $2, passing = $3, pruned_until = $4, seal = $5',
      ...Object.values(rows[0] ?? {}),
    );
    await expect(sts.status.read()).rejects.toMatchObject({ code: 'STATUS_UNAVAILABLE' });
    await expectRefused('status_head');
  });

  test('an emptied feed is none of an installation that had one', async () => {
    await sts.seals.latest.save();
    await attack('TRUNCATE status_entries, status_head');
    await attack('INSERT INTO status_head (seq) VALUES (0)');
    await expectRefused('status_head');
  });

  test('a database that has nothing of an STS begins a feed, which goes on after the last number', async () => {
    const [{ seq: last } = { seq: 0 }] = (await attack('SELECT seq FROM status_head')).rows as {
      seq: number;
    }[];
    await sts.seals.latest.save();
    await attack(
      'TRUNCATE status_entries, status_head, signing_keys, key_generation, client_secrets CASCADE',
    );
    await attack('INSERT INTO status_head (seq) VALUES (0)');
    const next = await open();
    await send(next, suspend('bff', 'e3'));
    const { rows } = await attack('SELECT seq FROM status_entries');
    expect(rows.map(({ seq }) => Number(seq))).toEqual([last + 1]);
    expect(await loginAs(next, 'bff')).toBe(401);
  });

  test('a row that keeps the place or the name of a revocation does not keep it out', async () => {
    const issued = await open({ clients: [] });
    for (const [seq, id] of [[3, 'x'], [77, 'token:j'], [78, 'e5']] as const)
      await attack(
        `INSERT INTO status_entries (seq, id, at, entry, seal) VALUES ($1, $2, 1, $3, 'x')`,
        seq, id, RESTORED,
      ); // prettier-ignore
    await sts.revoke({ jti: 'j', reason: 'x', actor: ACTOR });
    await send(sts, suspend('actuator', 'e5'));
    for (const at of [sts, issued]) {
      await at.status.read();
      expect(at.status.isTokenRevoked('j', 'j')).toBe(true);
      expect(at.status.isServiceSuspended('actuator')).toBe(true);
      await at.feed.check();
      expect(at.seals.forged.state).toBe('ok');
    }
  });

  test('a passing row that is missing shows, also where one that has ended is put back for it', async () => {
    const now = Date.now();
    await sts.revoke({ jti: 'soon', reason: 'x', actor: ACTOR });
    const { rows } = await attack(`SELECT * FROM status_entries WHERE id = 'token:soon'`);
    const end = Number(rows[0]?.['until']);
    await prune(store.writer, sts.seals, end + 120_000);
    await sts.feed.check();
    expect(await feedOf(sts)).toEqual(WHOLE);
    expect(now).toBeLessThan(end);
    const until = Math.ceil(end / 1000) + 86_400;
    const later = { id: 'e6', kind: 'subject_revoked', issuer: 'i', subject: 'ana', notAfter: until };
    await send(sts, later);
    await attack(`DELETE FROM status_entries WHERE id = 'e6'`);
    await attack(
      'INSERT INTO status_entries (seq, id, at, entry, until, seal) VALUES ($1, $2, $3, $4, $5, $6)',
      ...['seq', 'id', 'at', 'entry', 'until', 'seal'].map((name) => rows[0]?.[name]),
    );
    await expectRefused();
  });

  test('only the operator of the STS goes on without what is missing, and only with what he has seen', async () => {
    const kid = sts.ring.signer().kid;
    await sts.rotate({ mode: 'COMPROMISED', reason: 'x', actor: ACTOR });
    await attack(`DELETE FROM status_entries WHERE id IN ('e1', 'key:${kid}')`);
    const refused = await open().catch((error: unknown) => error);
    const [, digest = ''] = /STATUS_FEED_ACCEPT=([\w-]{43})/.exec(JSON.stringify(refused)) ?? [];
    const environment = { STATUS_FEED_ACCEPT: digest };
    await expect(open({ environment: { STATUS_FEED_ACCEPT: 'A'.repeat(43) } })).rejects.toBeDefined();
    const next = await open({ environment });
    await next.status.read();
    expect(next.status.isKeyRevoked(kid)).toBe(true); // the rows of keys say so
    expect(next.status.isCertificateRevoked(THUMBPRINT)).toBe(true);
    expect(next.status.isServiceSuspended('bff')).toBe(false); // which the admin service sends again
    await send(next, suspend('bff', 'e1'));
    expect(await loginAs(next, 'bff')).toBe(401);
    // The variable is of no use a second time.
    await attack(`DELETE FROM status_entries WHERE id = 'e1'`);
    await expect(open({ environment })).rejects.toBeDefined();
  });

  test('the feed of a release without seals is sealed once, by the first start, and never again', async () => {
    await attack('ALTER TABLE status_entries DROP CONSTRAINT status_entries_sealed');
    const withoutSeals = async (): Promise<void> => {
      await attack('UPDATE status_entries SET seal = NULL');
      await attack('UPDATE status_head SET seal = NULL, kept = NULL, passing = NULL, pruned_until = NULL');
    };
    await withoutSeals();
    const secrets = createMemorySecrets();
    for (const name of ['sts/row-seal-key', 'client-secrets/bff']) {
      const kept = await sts.secrets.get(name);
      await secrets.put(name, kept?.value ?? Secret.of(''), 0);
    }
    const versions = JSON.parse(
      (await sts.secrets.get('sts/sealed-versions'))?.value.reveal() ?? '{}',
    ) as object;
    const then = Object.fromEntries(Object.entries(versions).filter(([set]) => set !== 'status-feed'));
    await secrets.put('sts/sealed-versions', Secret.of(JSON.stringify(then)), 0);
    for (const at of await Promise.all([open({ secrets }), open({ secrets })])) {
      await expectWithdrawn(at);
      expect(at.seals.forged.state).toBe('ok');
    }
    await withoutSeals();
    await expect(open({ secrets })).rejects.toMatchObject({
      problems: [{ problem: expect.stringContaining('changed') as unknown }],
    });
  });

  test('a replica of a release without seals appends nothing that would be lost', async () => {
    await expect(
      store.writer.query(`INSERT INTO status_entries (seq, id, at, entry) VALUES (3, 'old', 1, $1)`, [
        RESTORED,
      ]),
    ).rejects.toMatchObject({ constraint: 'status_entries_sealed' });
  });
});
