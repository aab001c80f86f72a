import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { createTestCa, type TestCa, type TestLeaf } from '../../../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity, toGeneration } from '../../../support/test-identity.ts';

/** What the service knows of its peer: the SPIFFE ID, and how many certificates it showed. */
const PEER: Route = {
  method: 'GET',
  path: '/peer',
  handle(request) {
    const { spiffeId, chain } = requirePeer(request, undefined);
    return Promise.resolve({ status: 200, body: `${spiffeId} ${String(chain.length)}` });
  },
};

interface Visit {
  readonly resumed: boolean;
  /** The body of the answer; undefined: the connection was ended instead. */
  readonly body: string | undefined;
  readonly session: Buffer | undefined;
}

describe.each(['request', 'require'] as const)('where a client certificate is a %s', (clientCertificates) => {
  const revoked = new Set<string>();
  let ca: TestCa;
  let identity: TestIdentity;
  let clock: FakeClock;
  let service: HttpService;
  let lines: string[];

  beforeAll(async () => {
    ca = await createTestCa();
  });

  beforeEach(async () => {
    lines = [];
    clock = createFakeClock(Date.now());
    identity = await issueTestIdentity(ca, 'sts');
    const tls = { identity, trustDomain: 'aduana.local', clientCertificates, minVersion: 'TLSv1.3' } as const;
    service = await openHttpService({
      name: 'test',
      listeners: [{ address: '127.0.0.1', port: 0, tls }],
      platform: { clock, log: createLog('info', (line) => lines.push(line)) },
    });
    const health = { status: 'ok', checks: {} } as const;
    service.serve([PEER], () => Promise.resolve(health), (thumbprint) => revoked.has(thumbprint)); // prettier-ignore
  });

  afterEach(() => service.stop());

  function open(leaf: TestLeaf, session?: Buffer): TLSSocket {
    return connect({
      host: '127.0.0.1',
      port: service.ports[0] ?? 0,
      cert: leaf.cert,
      key: leaf.key,
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    });
  }

  /** One request and its answer over an open connection; undefined: the connection was ended instead. */
  function ask(socket: TLSSocket, connection: 'close' | 'keep-alive'): Promise<string | undefined> {
    return new Promise((resolve) => {
      let text = '';
      socket.on('error', () => undefined);
      socket.on('close', () => { resolve(/\r\n\r\n(.+)/.exec(text)?.[1]); }); // prettier-ignore
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (connection === 'keep-alive') resolve(/\r\n\r\n(.+)/.exec(text)?.[1]);
      });
      socket.write(`GET /peer HTTP/1.1\r\nhost: localhost\r\nconnection: ${connection}\r\n\r\n`);
    });
  }

  async function visit(leaf: TestLeaf, resume?: Buffer): Promise<Visit> {
    const socket = open(leaf, resume);
    let session: Buffer | undefined;
    let resumed = false;
    socket.on('session', (ticket: Buffer) => (session = ticket));
    socket.once('secureConnect', () => (resumed = socket.isSessionReused()));
    const body = await ask(socket, 'close');
    return { resumed, body, session };
  }

  test('a resumed session knows its peer as the session before it did, intermediates included', async () => {
    const leaf = await ca.issueOverIntermediate('leads');
    const first = await visit(leaf);
    expect(first).toMatchObject({ resumed: false, body: 'spiffe://aduana.local/leads 2' });
    expect(await visit(leaf, first.session)).toMatchObject({ resumed: true, body: first.body });
  });

  test('a resumed session of a certificate that has been revoked is refused', async () => {
    const leaf = await ca.issue('leads');
    const { session } = await visit(leaf);
    revoked.add(leaf.thumbprint);
    expect(await visit(leaf, session)).toMatchObject({ resumed: true, body: undefined });
    expect(lines.join('')).toMatch(/is revoked.*a connection was refused/);
  });

  test('a resumed session of a certificate that has expired is refused', async () => {
    const leaf = await ca.issue('leads', { notAfter: clock.now() + 600_000 });
    const { session, body } = await visit(leaf);
    expect(body).toBeDefined();
    await clock.advance(600_000);
    expect(await visit(leaf, session)).toMatchObject({ resumed: true, body: undefined });
    expect(lines.join('')).toMatch(/has expired.*a connection was refused/);
  });

  describe('once the CA is trusted no more', () => {
    let leaf: TestLeaf;
    let successor: TestCa;

    async function replaceAuthority(): Promise<void> {
      identity.replace(toGeneration(successor.cert, await successor.issue('sts'), 'sts'));
    }

    beforeEach(async () => {
      leaf = await ca.issue('leads');
      successor = await createTestCa({ name: 'Successor' });
    });

    test('no session of its certificates is resumed', async () => {
      const { session, body } = await visit(leaf);
      expect(body).toBeDefined();
      await replaceAuthority();
      expect(await visit(leaf, session)).toMatchObject({ resumed: false, body: undefined });
      expect(lines.join('')).toMatch(/does not verify.*"address":"127.0.0.1".*a connection was refused/);
    });

    test('open connections of its certificates end with their next request, others stay', async () => {
      const both = `${ca.cert}${successor.cert}`;
      identity.replace(toGeneration(both, await ca.issue('sts'), 'sts'));
      const former = open(leaf);
      const current = open(await successor.issue('leads'));
      for (const socket of [former, current]) expect(await ask(socket, 'keep-alive')).toBeDefined();
      await replaceAuthority();
      expect(await ask(current, 'close')).toBe('spiffe://aduana.local/leads 1');
      expect(await ask(former, 'close')).toBeUndefined();
      expect(lines.join('')).toMatch(/not signed by a trusted CA.*a connection was refused/);
    });
  });

  test('a certificate that does not verify is not accepted on a resumed session either', async () => {
    const leaf = await ca.issueBad('wrong_trust_domain', 'leads');
    const { session, body } = await visit(leaf);
    expect(body).toBeUndefined();
    expect(await visit(leaf, session)).toMatchObject({ body: undefined });
  });
});
