import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { createSecureClient, type SecureClient } from '@aduana/core/mtls-client/secure-client';
import { type ClientCertificates, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import type { TlsGeneration } from '@aduana/core/mtls/tls-identity';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTestCa, type TestCa } from './test-ca.ts';
import { issueTestIdentity, type TestIdentity } from './test-identity.ts';

/** Who is there in each suite that imports this file: a CA, the STS as the callee and the gateway as the caller. */
export const known = {} as { ca: TestCa; sts: TestIdentity; gateway: TestIdentity };
export const STS = 'spiffe://aduana.local/sts';
export const CALL = { method: 'GET', path: '/', timeoutMilliseconds: 5000, maxResponseBytes: 1000 } as const;
export const log = createLog('silent', () => undefined);
const clock = createSystemClock();
/** Closed after the suite, the last one first. */
export const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  known.ca = await createTestCa();
  known.sts = await issueTestIdentity(known.ca, 'sts');
  known.gateway = await issueTestIdentity(known.ca, 'gateway');
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** An HTTPS server of the STS. */
export async function listen(
  handler: RequestListener,
  generation: TlsGeneration = known.sts.current(),
  clientCertificates: ClientCertificates = 'require',
): Promise<{ origin: string; server: Server }> {
  const rules = { clientCertificates, minVersion: 'TLSv1.3' } as const;
  const server = createServer(serverTlsOptions(generation, rules), handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`, server };
}

/** A client of the gateway. */
export function openClient(identity: TestIdentity = known.gateway): SecureClient {
  const client = createSecureClient({ identity, clock, log });
  closing.push(() => client.close());
  return client;
}

/** The STS at this origin, as a peer of the client. */
export function toSts(origin: string, client = openClient()) {
  return client.peer({ origin, spiffeId: STS, failureCode: 'STS_UNAVAILABLE' });
}

/** The error of a call that fails for a reason that matches. */
export function unavailable(detail: RegExp) {
  return { code: 'STS_UNAVAILABLE', status: 503, detail: expect.stringMatching(detail) };
}
