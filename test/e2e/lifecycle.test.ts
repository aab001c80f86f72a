import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openEmbeddedStore } from '@aduana/server-kit/store/pglite-database';
import { deploymentEnvironment, runAduana, startTestDeployment } from '../support/running-deployment.ts';

/** Writes down every address that the process connects to and every name that it looks up. */
const CONNECTION_RECORDER = `
import { appendFileSync } from 'node:fs';
import dns from 'node:dns';
import net from 'node:net';
const note = (line) => appendFileSync(process.env.CONNECTIONS_FILE, line + '\\n');
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  note('connect ' + (options?.host ?? options?.path ?? args[1] ?? 'localhost'));
  return connect.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = function (name, ...rest) { note('lookup ' + name); return lookup.call(this, name, ...rest); };
`;

describe('the life of a deployment over PGlite', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('starts and serves without one connection beyond its own addresses, and drains at the first of two SIGINTs', async () => {
    const recorder = join(folder, 'record-connections.mjs');
    const connections = join(folder, 'connections.txt');
    await writeFile(recorder, CONNECTION_RECORDER);
    await writeFile(connections, '');
    const environment = { NODE_OPTIONS: `--import ${recorder}`, CONNECTIONS_FILE: connections };
    const deployment = await startTestDeployment({ folder, environment });
    const { code } = await deployment.aduana(
      'query',
      '--as',
      'bff',
      '{ leads { company } whoami { subject } }',
    );
    expect(code).toBe(0);
    deployment.process.kill('SIGINT');
    expect(await deployment.stop()).toBe(0);
    expect(deployment.output()).toContain('aduana has stopped');
    const seen = new Set((await readFile(connections, 'utf8')).trim().split('\n'));
    expect([...seen].filter((line) => !OWN_ADDRESS.test(line))).toEqual([]);
    expect(seen).toContain('connect localhost');
  });

  /** Loopback, and the sockets beside the locks of its own home. */
  const OWN_ADDRESS =
    /^(connect|lookup) (localhost|127\.0\.0\.1|::1)$|^connect \S*\/home\/[^/]+\.lock\.[0-9a-f]+\.sock$/;

  test('starts again on what it left behind, and the log is whole', async () => {
    const deployment = await startTestDeployment({ folder });
    try {
      const events = await deployment.aduana(
        'query', '--as', 'auditor',
        '{ auditEvents(filter: { type: "request", actor: "bff" }, first: 5) { edges { node { seq outcome } } } }',
      ); // prettier-ignore
      expect(JSON.parse(events.stdout)).toMatchObject({
        data: {
          auditEvents: {
            edges: expect.arrayContaining([{ node: expect.objectContaining({ outcome: 'ALLOWED' }) }]),
          },
        },
      });
      expect((await deployment.aduana('audit', 'verify')).code).toBe(0);
    } finally {
      expect(await deployment.stop()).toBe(0);
    }
    expect((await runAduana(['audit', 'verify'], deploymentEnvironment(folder))).code).toBe(0);
  });

  test('one changed byte of a stored event is found by the verifier', async () => {
    const store = await openEmbeddedStore(join(folder, 'home/data'));
    const superuser = store.database('audit');
    await superuser.query('ALTER TABLE entries DISABLE TRIGGER ALL');
    await superuser.query(
      `UPDATE entries SET canonical = replace(canonical, '"ALLOWED"', '"ALLOWEd"') WHERE seq = 3`,
    );
    await store.close();
    const { code, stdout, stderr } = await runAduana(['audit', 'verify'], deploymentEnvironment(folder));
    expect(stdout + stderr).toContain('TAMPERED');
    expect(code).toBe(1);
  });

  test('without the STS the handshake says what is missing and fails', async () => {
    const other = await mkdtemp(join(tmpdir(), 'aduana-'));
    const deployment = await startTestDeployment({ folder: other, args: ['--without', 'sts'] });
    try {
      const { code, stdout } = await deployment.aduana('handshake');
      expect(code).toBe(1);
      expect(stdout).toMatch(/FAIL +sts is ready/);
    } finally {
      expect(await deployment.stop()).toBe(0);
      await rm(other, { recursive: true, force: true });
    }
  });
});
