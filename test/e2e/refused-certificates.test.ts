import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestHouse, type TestHouse } from '../support/running-house.ts';
import { BAD_LEAVES, createTestCa, type TestCa, type TestLeaf } from '../support/test-ca.ts';

const SERVICES = {
  gateway: 'GATEWAY_TLS_PORT',
  sts: 'STS_PORT',
  audit: 'AUDIT_PORT',
  admin: 'ADMIN_PORT',
} as const;
type Service = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as Service[];

/** What the log and the audit log say of each. */
const LOG_LINES = {
  self_signed: /DEPTH_ZERO_SELF_SIGNED_CERT/,
  unknown_ca: /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|CERT_SIGNATURE_FAILURE/,
  expired: /CERT_HAS_EXPIRED/,
  not_yet_valid: /CERT_NOT_YET_VALID/,
  wrong_eku: /INVALID_PURPOSE/,
  no_spiffe_id: /exactly one SPIFFE ID/,
  two_spiffe_ids: /exactly one SPIFFE ID/,
  wrong_trust_domain: /another trust domain/,
  ca_as_leaf: /CA certificate|INVALID_PURPOSE/,
} as const;

/** In strict mode TLS ends these itself, and forgets what was shown. */
const VERIFIED_BY_TLS: ReadonlySet<string> = new Set([
  'self_signed', 'unknown_ca', 'expired', 'not_yet_valid', 'wrong_eku', 'ca_as_leaf',
]); // prettier-ignore

interface AuditEntry {
  readonly type: string;
  readonly outcome: string;
  readonly source: { readonly peer: string };
  readonly actor: { readonly cert_thumbprint: string | null };
  readonly detail: { readonly reason: string };
}

interface World {
  readonly house: TestHouse;
  readonly ca: TestCa;
}

/** The house on the certificates of a test CA, as an operator would fill the folder. */
async function start(mode: 'permissive' | 'strict'): Promise<World & { stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-refusals-'));
  const ca = await createTestCa({ name: 'Unknown To Nobody' });
  await mkdir(join(folder, 'certs'));
  await ca.write(join(folder, 'certs'));
  const environment = { MTLS_MODE: mode, LOG_LEVEL: 'info' };
  const house = await startTestHouse({ folder, environment });
  return {
    house,
    ca,
    async stop() {
      await house.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The status of `GET /health/live` over a connection of its own, or how the connection failed. */
function ask({ house }: World, service: Service, options: ConnectionOptions, path = '/health/live') {
  return new Promise<string>((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: house.ports[SERVICES[service]],
      rejectUnauthorized: false,
      ...options,
    });
    const chunks: Buffer[] = [];
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.setTimeout(5000, () => socket.destroy());
    socket.once('close', () => {
      resolve(/^HTTP\/1\.1 (\d{3})/.exec(Buffer.concat(chunks).toString())?.[1] ?? 'refused');
    });
  });
}

function show({ cert, key }: TestLeaf): ConnectionOptions {
  return { cert, key };
}

/** The lines of the house's log about one service that match, waiting for the last to arrive. */
async function logged(
  { house }: World,
  service: Service,
  expected: RegExp,
  since: number,
): Promise<string[]> {
  for (let turn = 0; turn < 100; turn += 1) {
    const lines = house
      .output()
      .slice(since)
      .split('\n')
      .filter((line) => line.includes(`"service":"${service}"`) && expected.test(line));
    if (lines.length > 0) return lines;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return [];
}

describe.each(['permissive', 'strict'] as const)('in %s mode', (mode) => {
  let world: Awaited<ReturnType<typeof start>>;
  const refused: string[] = [];

  beforeAll(async () => {
    world = await start(mode);
  }, 90_000);

  afterAll(() => world.stop());

  test.each(NAMES)('%s takes a good certificate', async (service) => {
    expect(await ask(world, service, show(await world.ca.issue('operator')))).toBe('200');
  });

  test.each(NAMES.flatMap((service) => BAD_LEAVES.map((kind) => [service, kind] as const)))(
    '%s refuses a certificate that is %s, with one line in the log',
    async (service, kind) => {
      const leaf = await world.ca.issueBad(kind, 'operator');
      const since = world.house.output().length;
      expect(await ask(world, service, show(leaf))).toBe('refused');
      const lines = await logged(world, service, /a connection was refused/, since);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(LOG_LINES[kind]);
      const seenByTls = mode === 'strict' && VERIFIED_BY_TLS.has(kind);
      if (!seenByTls) expect(lines[0]).toContain(leaf.thumbprint);
      refused.push(`${service} ${seenByTls ? 'null' : leaf.thumbprint}`);
      expect(lines.join('')).not.toContain(leaf.key.split('\n')[1]);
    },
  );

  test.each(NAMES)('%s and a caller without a certificate', async (service) => {
    expect(await ask(world, service, {})).toBe(mode === 'strict' ? 'refused' : '200');
    if (mode === 'permissive' && service !== 'gateway')
      expect(await ask(world, service, {}, '/graphql')).toMatch(/^(401|403|405)$/);
  });

  test.each(NAMES)('%s refuses TLS 1.1, and TLS 1.2 unless it is the public face', async (service) => {
    const good = show(await world.ca.issue('operator'));
    const old = { ...good, ciphers: 'DEFAULT@SECLEVEL=0' };
    expect(await ask(world, service, { ...old, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).toBe('refused');
    const tls12 = await ask(world, service, { ...good, maxVersion: 'TLSv1.2' });
    if (service !== 'gateway') expect(tls12).toBe('refused');
  });

  test('the audit log holds one event for each refusal, written by the service that refused', async () => {
    const out = join(world.house.folder, 'export');
    expect(await world.house.aduana('audit', 'export', '--out', out)).toMatchObject({ code: 0 });
    const events = (await readFile(join(out, 'entries.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditEntry)
      .filter(({ type }) => type === 'certificate.refuse');
    const found = events.map(({ source, actor }) => `${source.peer} ${String(actor.cert_thumbprint)}`);
    for (const entry of new Set(refused)) {
      const count = (entries: string[]): number => entries.filter((other) => other === entry).length;
      if (entry.endsWith('null')) expect(count(found)).toBeGreaterThanOrEqual(count(refused));
      else expect(count(found)).toBe(1);
    }
    for (const { outcome, detail } of events) {
      expect(outcome).toBe('DENIED');
      expect(detail.reason).not.toBe('');
    }
  });

  test('a revoked certificate is refused everywhere within ten seconds, open connections included', async () => {
    const leaf = await world.ca.issue('operator');
    for (const service of NAMES) expect(await ask(world, service, show(leaf))).toBe('200');
    const file = join(world.house.folder, 'leaf.crt');
    await writeFile(file, leaf.cert);
    const revoked = await world.house.aduana('certs', 'revoke', file, '--reason', 'test');
    expect(revoked).toMatchObject({ code: 0 });
    const deadline = Date.now() + 10_000;
    const waiting = new Set(NAMES);
    while (waiting.size > 0 && Date.now() < deadline)
      for (const service of waiting)
        if ((await ask(world, service, show(leaf))) === 'refused') waiting.delete(service);
    expect([...waiting]).toEqual([]);
    const own = await readFile(join(world.house.folder, 'certs/operator.crt'), 'utf8');
    const key = await readFile(join(world.house.folder, 'certs/operator.key'), 'utf8');
    expect(await ask(world, 'sts', { cert: own, key })).toBe('200');
  });
});
