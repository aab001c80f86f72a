import { chmod, copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { BAD_LEAVES, createTestCa, type TestCa, type TestLeaf } from '../../../support/test-ca.ts';
import { until } from '../../../support/until.ts';

let folder: string;
let ca: TestCa;
let clock: FakeClock;
let lines: string[];
let identity: TlsIdentity | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-tls-'));
  ca = await createTestCa();
  await ca.write(folder, ['sts', 'bff']);
  clock = createFakeClock(Date.now());
  lines = [];
  identity = undefined;
});

afterEach(async () => {
  await identity?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function load(service = 'sts', acceptsConnections = true): Promise<TlsIdentity> {
  return (identity = await loadTlsIdentity({
    certsDir: folder,
    service,
    trustDomain: 'aduana.local',
    acceptsConnections,
    clock,
    log: createLog('debug', (line) => lines.push(line)),
  }));
}

function file(name: string): string {
  return join(folder, name);
}

async function put({ cert, key }: TestLeaf): Promise<void> {
  await writeFile(file('sts.crt'), cert);
  await writeFile(file('sts.key'), key, { mode: 0o600 });
}

/** Polls until it holds: reading files takes real time while the clock stands still. */
const pollUntil = (holds: () => boolean): Promise<void> => until(holds, () => clock.advance(10_001));

function complaints(): number {
  return lines.filter((line) => line.includes('the last good ones stay')).length;
}

function problems(...expected: readonly (readonly [file: string, problem: RegExp])[]) {
  return {
    name: 'ConfigurationError',
    problems: expected.map(([name, problem]) => ({
      subject: file(name),
      problem: expect.stringMatching(problem),
      remedy: expect.any(String),
    })),
  };
}

test('every missing file is reported at once', async () => {
  for (const name of ['ca.crt', 'sts.crt', 'sts.key']) await rm(file(name));
  await expect(load()).rejects.toMatchObject(
    problems(['ca.crt', /does not exist/], ['sts.crt', /does not exist/], ['sts.key', /does not exist/]),
  );
});

test('everything that is wrong with the content is reported at once', async () => {
  await writeFile(file('ca.crt'), 'nothing');
  await writeFile(file('sts.key'), 'nothing');
  await chmod(file('sts.key'), 0o644);
  await expect(load()).rejects.toMatchObject(
    problems(
      ['ca.crt', /no CA certificate/],
      ['sts.key', /no unencrypted private key/],
      ['sts.key', /by others/],
    ),
  );
});

const REASONS = {
  self_signed: /not signed by a trusted CA/,
  unknown_ca: /not signed by a trusted CA/,
  expired: /has expired/,
  not_yet_valid: /not yet valid/,
  wrong_eku: /may not be used by a TLS client/,
  no_eku: /may not be used by a TLS client/,
  no_spiffe_id: /exactly one SPIFFE ID/,
  two_spiffe_ids: /exactly one SPIFFE ID/,
  wrong_trust_domain: /another trust domain/,
  ca_as_leaf: /CA certificate/,
} as const;

test.each(BAD_LEAVES)('a certificate that is %s keeps the service from starting', async (kind) => {
  await put(await ca.issueBad(kind, 'sts'));
  await expect(load()).rejects.toMatchObject(problems(['sts.crt', REASONS[kind]]));
});

test("another service's certificate keeps the service from starting", async () => {
  await put(await ca.issue('audit'));
  await expect(load()).rejects.toMatchObject(problems(['sts.crt', /names another service/]));
});

test('a certificate for calling only is refused to who is called', async () => {
  expect((await load('bff', false)).current().spiffeId).toBe('spiffe://aduana.local/bff');
  await expect(load('bff')).rejects.toMatchObject(problems(['bff.crt', /TLS server/]));
});

test('a new pair is in use after the next poll, and its listeners hear of it once', async () => {
  const loaded = await load();
  const heard: string[] = [];
  loaded.onChange(({ thumbprint }) => heard.push(thumbprint));
  const next = await ca.issue('sts');
  await put(next);
  await pollUntil(() => loaded.current().thumbprint === next.thumbprint);
  await clock.advance(60_000);
  expect(heard).toEqual([next.thumbprint]);
});

test.each([
  ['a truncated key', () => truncate(file('sts.key'), 20)],
  ['a key of another pair', () => copyFile(file('bff.key'), file('sts.key'))],
  ['a key that others can read', () => chmod(file('sts.key'), 0o644)],
  ['an empty certificate', () => writeFile(file('sts.crt'), '')],
  ['a removed certificate', () => rm(file('sts.crt'))],
  ['a CA that did not sign it', async () => writeFile(file('ca.crt'), (await createTestCa()).cert)],
  ['an expired certificate', async () => put(await ca.issueBad('expired', 'sts'))],
] as const)('%s leaves the last good generation in use, with a log line', async (_what, spoil) => {
  const loaded = await load();
  const good = loaded.current();
  await spoil();
  await pollUntil(() => complaints() > 0);
  expect(loaded.current()).toBe(good);
  const key = await readFile(file('bff.key'), 'utf8');
  expect(lines.join('')).not.toContain(key.split('\n')[1]);
  const repaired = await ca.issue('sts');
  await writeFile(file('ca.crt'), ca.cert);
  await put(repaired);
  await chmod(file('sts.key'), 0o600);
  await pollUntil(() => loaded.current().thumbprint === repaired.thumbprint);
});

test('content that cannot be used is logged once, not at each poll', async () => {
  await load();
  await writeFile(file('sts.crt'), 'nothing');
  await pollUntil(() => complaints() > 0);
  await rm(file('sts.crt'));
  await pollUntil(() => complaints() > 1);
  await clock.advance(600_000);
  expect(complaints()).toBe(2);
});

test('during a change of CA both are trusted', async () => {
  const next = await createTestCa({ name: 'Next CA' });
  await writeFile(file('ca.crt'), next.cert + ca.cert);
  const loaded = await load();
  expect(loaded.current().authorities).toHaveLength(2);
  await put(await next.issue('sts'));
  const before = loaded.current();
  await pollUntil(() => loaded.current() !== before);
});
