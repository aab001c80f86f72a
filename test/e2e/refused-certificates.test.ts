import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { BAD_LEAVES, createTestCa, type TestCa, type TestLeaf } from '../support/test-ca.ts';
import { underLoad, until } from '../support/until.ts';

const SERVICES = {
  gateway: 'GATEWAY_TLS_PORT',
  sts: 'STS_PORT',
  audit: 'AUDIT_PORT',
  admin: 'ADMIN_PORT',
} as const;
type Service = keyof typeof SERVICES;
const NAMES = Object.keys(SERVICES) as Service[];

/** What the log and the audit log say of each. */
const REASONS = {
  none: /showed no certificate/,
  'good, over TLS 1.1': /UNSUPPORTED_PROTOCOL/,
  'good, over TLS 1.2': /UNSUPPORTED_PROTOCOL/,
  revoked: /is revoked/,
  self_signed: /DEPTH_ZERO_SELF_SIGNED_CERT/,
  unknown_ca: /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|CERT_SIGNATURE_FAILURE/,
  expired: /CERT_HAS_EXPIRED/,
  not_yet_valid: /CERT_NOT_YET_VALID/,
  wrong_eku: /INVALID_PURPOSE/,
  no_eku: /extended key usage/,
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

/** One row of the table: what a service refused, and how its log says so. */
interface Refusal {
  readonly service: Service;
  readonly certificate: keyof typeof REASONS;
  readonly reason: string;
  readonly thumbprint: string | null;
}

interface World {
  readonly deployment: TestDeployment;
  readonly ca: TestCa;
}

/** The deployment on the certificates of a test CA, as an operator would fill the folder. */
async function start(mode: 'permissive' | 'strict'): Promise<World & { stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-refusals-'));
  const ca = await createTestCa({ name: 'Unknown To Nobody' });
  await mkdir(join(folder, 'certs'));
  await ca.write(join(folder, 'certs'));
  const environment = { MTLS_MODE: mode, LOG_LEVEL: 'info' };
  const deployment = await startTestDeployment({ folder, environment });
  return {
    deployment,
    ca,
    async stop() {
      await deployment.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The status of `GET /health/live` over a connection of its own, or how the connection failed. */
function ask({ deployment }: World, service: Service, options: ConnectionOptions, path = '/health/live') {
  return new Promise<string>((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port: deployment.ports[SERVICES[service]],
      rejectUnauthorized: false,
      ...options,
    });
    const chunks: Buffer[] = [];
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.setTimeout(60_000, () => socket.destroy());
    socket.once('close', () => {
      resolve(/^HTTP\/1\.1 (\d{3})/.exec(Buffer.concat(chunks).toString())?.[1] ?? 'refused');
    });
  });
}

function show({ cert, key }: TestLeaf): ConnectionOptions {
  return { cert, key };
}

/** The refusals in the deployment's log of one service, waiting for the first and for a second that must not come. */
async function logged(
  { deployment }: World,
  service: Service,
  since: number,
): Promise<Omit<Refusal, 'certificate'>[]> {
  const read = (): Omit<Refusal, 'certificate'>[] =>
    deployment
      .output()
      .slice(since)
      .split('\n')
      .filter((line) => line.includes(`"service":"${service}"`) && line.includes('a connection was refused'))
      .map((line) => ({ ...(JSON.parse(line) as Refusal), service }));
  await until(() => read().length > 0);
  await sleep(20);
  return read();
}

describe.each(['permissive', 'strict'] as const)('in %s mode', (mode) => {
  let world: Awaited<ReturnType<typeof start>>;
  const refused: Refusal[] = [];

  beforeAll(async () => {
    world = await start(mode);
  });

  afterAll(() => world.stop());

  test.each(NAMES)('%s takes a good certificate', async (service) => {
    expect(await ask(world, service, show(await world.ca.issue('operator')))).toBe('200');
  });

  /** Asks, and takes down the one line that the log has of the refusal. */
  async function refuse(service: Service, certificate: Refusal['certificate'], options: ConnectionOptions) {
    const since = world.deployment.output().length;
    expect(await ask(world, service, options)).toBe('refused');
    const [line, ...others] = await logged(world, service, since);
    expect(others).toEqual([]);
    expect(line?.reason).toMatch(REASONS[certificate]);
    if (line !== undefined) refused.push({ ...line, certificate });
    return line;
  }

  test.each(NAMES.flatMap((service) => BAD_LEAVES.map((kind) => [service, kind] as const)))(
    '%s refuses a certificate that is %s, with one line in the log',
    async (service, kind) => {
      const leaf = await world.ca.issueBad(kind, 'operator');
      const line = await refuse(service, kind, show(leaf));
      const seenByTls = mode === 'strict' && VERIFIED_BY_TLS.has(kind);
      expect(line).toMatchObject({ address: '127.0.0.1', thumbprint: seenByTls ? null : leaf.thumbprint });
      expect(world.deployment.output()).not.toContain(leaf.key.split('\n')[1]);
    },
  );

  test.each(NAMES)('%s and a caller without a certificate', async (service) => {
    if (mode === 'strict') {
      await refuse(service, 'none', {});
      return;
    }
    expect(await ask(world, service, {})).toBe('200');
    if (service !== 'gateway') expect(await ask(world, service, {}, '/graphql')).toMatch(/^(401|403|405)$/);
  });

  test.each(NAMES)('%s refuses TLS 1.1, and TLS 1.2 unless it is the public face', async (service) => {
    const good = show(await world.ca.issue('operator'));
    const old = { ...good, ciphers: 'DEFAULT@SECLEVEL=0' };
    await refuse(service, 'good, over TLS 1.1', { ...old, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    if (service !== 'gateway')
      await refuse(service, 'good, over TLS 1.2', { ...good, maxVersion: 'TLSv1.2' });
  });

  test('a revoked certificate is refused everywhere within ten seconds, open connections included', async () => {
    const leaf = await world.ca.issue('operator');
    for (const service of NAMES) expect(await ask(world, service, show(leaf))).toBe('200');
    const file = join(world.deployment.folder, 'leaf.crt');
    await writeFile(file, leaf.cert);
    const revoked = await world.deployment.aduana('certs', 'revoke', file, '--reason', 'test');
    expect(revoked).toMatchObject({ code: 0 });
    const deadline = performance.now() + underLoad(10_000);
    for (const service of NAMES) {
      let since = world.deployment.output().length;
      while ((await ask(world, service, show(leaf))) !== 'refused') {
        expect(performance.now()).toBeLessThan(deadline);
        since = world.deployment.output().length;
      }
      const [line, ...others] = await logged(world, service, since);
      expect(others).toEqual([]);
      expect(line).toMatchObject({
        thumbprint: leaf.thumbprint,
        reason: expect.stringMatching(REASONS.revoked),
      });
      if (line !== undefined) refused.push({ ...line, certificate: 'revoked' });
    }
    const own = await readFile(join(world.deployment.folder, 'certs/operator.crt'), 'utf8');
    const key = await readFile(join(world.deployment.folder, 'certs/operator.key'), 'utf8');
    expect(await ask(world, 'sts', { cert: own, key })).toBe('200');
  });

  test('the audit log holds one event for each line of the log, written by the service that refused', async () => {
    const out = join(world.deployment.folder, 'export');
    const exportRefusals = async (): Promise<readonly AuditEntry[]> => {
      expect(await world.deployment.aduana('audit', 'export', '--out', out)).toMatchObject({ code: 0 });
      const lines = (await readFile(join(out, 'entries.jsonl'), 'utf8')).trim().split('\n');
      return lines
        .map((line) => JSON.parse(line) as AuditEntry)
        .filter(({ type }) => type === 'certificate.refuse');
    };
    // An export ends with the newest checkpoint, which may be older than the last refusal.
    await until(async () => (await exportRefusals()).length >= refused.length);
    const events = await exportRefusals();
    for (const { outcome } of events) expect(outcome).toBe('DENIED');
    const found = events.map(({ source, actor, detail }) => [
      source.peer,
      actor.cert_thumbprint,
      detail.reason,
    ]);
    const told = refused.map(({ service, thumbprint, reason }) => [service, thumbprint, reason]);
    const rows = refused.map(
      ({ service, certificate, reason }) => `${mode}  ${service}  ${certificate}: ${reason}`,
    );
    process.stdout.write(`${rows.join('\n')}\n`);
    expect(found.map(String).sort()).toEqual(told.map(String).sort());
    const kinds = BAD_LEAVES.length + 2 + (mode === 'strict' ? 1 : 0); // and TLS 1.1, revoked, none
    expect(refused).toHaveLength(kinds * NAMES.length + NAMES.length - 1); // and TLS 1.2 but at the gateway
  });
});
