import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { spiffeIdOf } from '@aduana/core/mtls/peer-identity';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { ensureCertificates } from '../../certs/ensure-certificates.ts';
import { BUILT_IN_ROSTER } from '../../certs/built-in-roster.ts';
import { describeWithOpenssl } from '../support/foreign-parts.ts';
import { createTestCa } from '../support/test-ca.ts';

const run = promisify(execFile);
const clock = createSystemClock();
let folder: string;
let settings: { ADUANA_HOME: string; CERTS_DIR: string; TRUST_DOMAIN: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-certs-'));
  settings = {
    ADUANA_HOME: join(folder, 'home'),
    CERTS_DIR: join(folder, 'certs'),
    TRUST_DOMAIN: 'aduana.local',
  };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function file(name: string): string {
  return join(settings.CERTS_DIR, name);
}

async function readCertificate(service: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(file(`${service}.crt`)));
}

test('a first start makes a CA and a leaf for everybody, and the next one makes nothing', async () => {
  const names = BUILT_IN_ROSTER.map(({ service }) => service);
  expect(await ensureCertificates({ settings, clock })).toEqual({ issued: names, missing: [] });
  expect(await ensureCertificates({ settings, clock })).toEqual({ issued: [], missing: [] });
  for (const { service, acceptsConnections } of BUILT_IN_ROSTER) {
    const identity = await loadTlsIdentity({
      certsDir: settings.CERTS_DIR,
      service,
      trustDomain: 'aduana.local',
      acceptsConnections,
      clock,
      log: createLog('silent', () => undefined),
    });
    expect(identity.current().spiffeId).toBe(`spiffe://aduana.local/${service}`);
    await identity.stop();
  }
});

test.each([
  ['CERTS_DIR', 'ca.crt', 'certificate'],
  ['ADUANA_HOME', 'ca.key', 'private key'],
] as const)('a CA that cannot be read is named and left alone: %s/%s', async (variable, name, what) => {
  await ensureCertificates({ settings, clock });
  const path = join(settings[variable], name);
  await writeFile(path, 'junk');
  await expect(ensureCertificates({ settings, clock })).rejects.toMatchObject({
    problems: [{ subject: path, problem: `holds no ${what} that can be read` }],
  });
  expect(await readFile(path, 'utf8')).toBe('junk');
});

test('keys are for their owner alone, and the CA key lies in the home only', async () => {
  await ensureCertificates({ settings, clock });
  for (const folderName of [settings.CERTS_DIR, settings.ADUANA_HOME]) {
    expect((await stat(folderName)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folderName))
      expect((await stat(join(folderName, name))).mode & 0o777).toBe(0o600);
  }
  expect(await readdir(settings.CERTS_DIR)).not.toContain('ca.key');
  expect(await readdir(settings.ADUANA_HOME)).toEqual(['ca.key']);
});

describeWithOpenssl('openssl', () => {
  test('accepts every leaf under the strict rules of RFC 5280, each for its sides only', async () => {
    await ensureCertificates({ settings, clock });
    const verify = (purpose: string, service: string): Promise<unknown> =>
      run('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        file('ca.crt'),
        file(`${service}.crt`),
      ]);
    for (const { service, acceptsConnections } of BUILT_IN_ROSTER) {
      await verify('sslclient', service);
      if (acceptsConnections) await verify('sslserver', service);
      else await expect(verify('sslserver', service)).rejects.toThrow(/unsuitable certificate purpose/);
    }
  });

  test('finds the CA worth nothing outside its trust domain and loopback', async () => {
    await ensureCertificates({ settings, clock });
    const names = [
      'URI:spiffe://aduana.local/x',
      'URI:spiffe://elsewhere.example/x',
      'DNS:example.com',
      'IP:10.0.0.1',
    ];
    const verdicts = [];
    for (const [index, name] of names.entries()) {
      const [key, request, certificate] = ['key', 'csr', 'crt'].map((ending) =>
        join(folder, `${String(index)}.${ending}`),
      );
      const ca = ['-CA', file('ca.crt'), '-CAkey', join(settings.ADUANA_HOME, 'ca.key')];
      await run('openssl', [
        'req',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-subj',
        '/CN=x',
        '-keyout',
        key ?? '',
        '-out',
        request ?? '',
        '-addext',
        `subjectAltName=${name}`,
      ]);
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        request ?? '',
        ...ca,
        '-copy_extensions',
        'copyall',
        '-out',
        certificate ?? '',
      ]);
      const verdict = await run('openssl', ['verify', '-CAfile', file('ca.crt'), certificate ?? '']).then(
        () => 'good',
        (error: unknown) => (/permitted subtree violation/.test(String(error)) ? 'refused' : String(error)),
      );
      verdicts.push(verdict);
    }
    expect(verdicts).toEqual(['good', 'refused', 'refused', 'refused']);
  });
});

test('a missing leaf is made under the same CA, the others stay', async () => {
  await ensureCertificates({ settings, clock });
  const [ca, sts] = await Promise.all([readFile(file('ca.crt'), 'utf8'), readFile(file('sts.crt'), 'utf8')]);
  await rm(file('audit.key'));
  expect(await ensureCertificates({ settings, clock })).toEqual({ issued: ['audit'], missing: [] });
  expect(await readFile(file('ca.crt'), 'utf8')).toBe(ca);
  expect(await readFile(file('sts.crt'), 'utf8')).toBe(sts);
});

test('leaves past about half of their life are reissued at start', async () => {
  await ensureCertificates({ settings, clock });
  const before = await readCertificate('sts');
  const later = { ...clock, now: () => clock.now() + 5 * 86_400_000 };
  expect((await ensureCertificates({ settings, clock: later })).issued).toHaveLength(BUILT_IN_ROSTER.length);
  expect((await readCertificate('sts')).serialNumber).not.toBe(before.serialNumber);
});

test("a folder filled by an operator's own CA is left as it is", async () => {
  const operator = await createTestCa();
  await operator.write(settings.CERTS_DIR, ['gateway', 'sts']);
  const before = await readdir(settings.CERTS_DIR);
  const report = await ensureCertificates({ settings, clock });
  expect(report.issued).toEqual([]);
  expect(report.missing).toEqual([
    'audit',
    'admin',
    'console',
    'leads',
    'bff',
    'actuator',
    'operator',
    'auditor',
  ]);
  expect(await readdir(settings.CERTS_DIR)).toEqual(before);
});

test("an operator's CA without leaves is not replaced by one of ours", async () => {
  const operator = await createTestCa();
  await operator.write(settings.CERTS_DIR, []);
  expect((await ensureCertificates({ settings, clock })).issued).toEqual([]);
  expect(await readFile(file('ca.crt'), 'utf8')).toBe(operator.cert);
});

test('services that start at the same moment end up with one CA', async () => {
  await Promise.all([1, 2, 3, 4].map(() => ensureCertificates({ settings, clock })));
  const ca = new X509Certificate(await readFile(file('ca.crt')));
  for (const { service } of BUILT_IN_ROSTER) {
    const leaf = await readCertificate(service);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(spiffeIdOf(leaf)).toBe(`spiffe://aduana.local/${service}`);
  }
});

test('a certificate file that is none is reported with what to do', async () => {
  await mkdir(settings.CERTS_DIR);
  await writeFile(file('sts.crt'), 'nothing');
  await writeFile(file('sts.key'), 'nothing');
  await expect(ensureCertificates({ settings, clock })).rejects.toMatchObject({
    problems: [{ subject: file('sts.crt'), problem: expect.stringMatching(/no certificate/) }],
  });
});
