import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { notAfterOf, notBeforeOf } from '@aduana/core/mtls/leaf-problem';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openVault } from '@aduana/server-kit/secrets/vault/open-vault';
import type { CertificateIssuer } from '../../certs/certificate-issuer.ts';
import { ensureCertificates } from '../../certs/ensure-certificates.ts';
import { keepCertificatesFresh } from '../../certs/keep-certificates-fresh.ts';
import { renewalTime } from '@aduana/core/mtls/renewal-time';
import { createVaultIssuer } from '../../certs/vault-issuer.ts';
import { createTestCa } from '../support/test-ca.ts';
import { until } from '../support/until.ts';
import { startVaultDouble } from '../support/vault-double.ts';

const HOUR = 3_600_000;
const ROSTER = [
  { service: 'sts', acceptsConnections: true },
  { service: 'bff', acceptsConnections: false },
];
let folder: string;
let lines: string[];
const log = createLog('info', (line) => lines.push(line));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-fresh-'));
  lines = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function settings() {
  return {
    ADUANA_HOME: join(folder, 'home'),
    CERTS_DIR: join(folder, 'certs'),
    TRUST_DOMAIN: 'aduana.local',
  };
}

async function readLeaf(service: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(folder, 'certs', `${service}.crt`)));
}

test('renewal falls between 50 % and 66 % of a life, and not at the same point for all', async () => {
  const ca = await createTestCa();
  const points = [];
  for (let count = 0; count < 40; count += 1) {
    const leaf = new X509Certificate((await ca.issue('sts')).cert);
    const begin = notBeforeOf(leaf);
    points.push((renewalTime(leaf) - begin) / (notAfterOf(leaf) - begin));
  }
  expect(Math.min(...points)).toBeGreaterThanOrEqual(0.5);
  expect(Math.max(...points)).toBeLessThanOrEqual(0.66);
  expect(new Set(points).size).toBeGreaterThan(10);
});

/** Real time whose pauses are short, and whose date a test moves. */
function createHurriedClock(): Clock & { move(milliseconds: number): void } {
  const system = createSystemClock();
  const time = { offset: 0 };
  return {
    now: () => system.now() + time.offset,
    monotonic: () => system.monotonic(),
    after: (milliseconds, task) => system.after(milliseconds / 20_000, task),
    sleep: (milliseconds, signal) => system.sleep(milliseconds / 20_000, signal),
    move: (milliseconds) => void (time.offset += milliseconds),
  };
}

test('a running process renews its certificates before two thirds of their life are over', async () => {
  const clock = createHurriedClock();
  const options = { settings: settings(), clock, log, roster: ROSTER };
  await ensureCertificates(options);
  const [before, life] = [await readLeaf('sts'), 7 * 24 * HOUR];
  clock.move(0.5 * life);
  expect(await ensureCertificates(options)).toEqual({ issued: [], missing: [] });
  const keeping = keepCertificatesFresh(options);
  expect((await readLeaf('sts')).serialNumber).toBe(before.serialNumber);
  clock.move(0.15 * life);
  await until(() => lines.length > 0);
  await keeping.stop();
  expect((await readLeaf('sts')).serialNumber).not.toBe(before.serialNumber);
});

test('an issuer that is away is asked again until it answers', async () => {
  const clock = createHurriedClock();
  const answers = ['away', 'still away'];
  const ca = await createTestCa();
  const issuer: CertificateIssuer = {
    owns: () => true,
    async issue({ service, acceptsConnections }) {
      const failure = answers.pop();
      if (failure !== undefined) throw new Error(failure);
      const leaf = await ca.issue(service, acceptsConnections ? {} : { dns: [] });
      return { certificate: leaf.cert, key: leaf.key, authority: ca.cert };
    },
  };
  const keeping = keepCertificatesFresh({ settings: settings(), clock, log, roster: ROSTER, issuer });
  await until(() => lines.some((line) => line.includes('were reissued')));
  await keeping.stop();
  expect(lines.filter((line) => line.includes('cannot be reissued'))).toHaveLength(2);
});

test("Vault's PKI issues what a service then loads and trusts", async () => {
  const vault = await startVaultDouble();
  const clock = createSystemClock();
  const environment = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken };
  const client = await openVault({ environment, clock, log });
  const issuer = createVaultIssuer({
    vault: client,
    mount: 'pki',
    role: 'aduana',
    trustDomain: 'aduana.local',
  });
  const report = await ensureCertificates({ settings: settings(), clock, roster: ROSTER, issuer });
  expect(report.issued).toEqual(['sts', 'bff']);
  expect(vault.requests).toEqual(
    expect.arrayContaining(['POST pki/issue/aduana', 'POST pki/issue/aduana-client']),
  );
  const identity = await loadTlsIdentity({
    certsDir: join(folder, 'certs'),
    service: 'sts',
    trustDomain: 'aduana.local',
    clock,
    log,
  });
  expect(identity.current().spiffeId).toBe('spiffe://aduana.local/sts');
  await identity.stop();
  await client.close();
  await vault.close();
});
