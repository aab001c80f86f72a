import type { TlsListenerOptions } from '@aduana/server-kit/http/listener';
import { openHttpService } from '@aduana/server-kit/http/service';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { Agent, fetch } from 'undici';
import { createTestCa } from './test-ca.ts';
import { issueTestIdentity } from './test-identity.ts';
import { openTestSts, type TestSts, type TestStsOptions } from './test-sts.ts';

/** The part of `fetch` that OAuth clients call. */
export type ClientFetch = (url: string, options: object) => Promise<Response>;

/** An STS that listens on loopback, over TLS with client certificates asked for. */
export interface ServedSts extends TestSts {
  readonly origin: string;
  /** A fetch that trusts the test CA and shows the certificate of `service`, if any. */
  fetchAs(service?: string): Promise<ClientFetch>;
  stop(): Promise<void>;
}

export async function serveTestSts(
  options: TestStsOptions & Pick<TlsListenerOptions, 'balancers'>,
): Promise<ServedSts> {
  const ca = options.ca ?? (await createTestCa());
  const identity = await issueTestIdentity(ca, 'sts');
  const service = await openHttpService({
    name: 'sts',
    listeners: [
      {
        address: '127.0.0.1',
        port: 0,
        tls: {
          identity,
          trustDomain: 'aduana.local',
          clientCertificates: 'request',
          minVersion: 'TLSv1.3',
          balancers: options.balancers ?? [],
        },
      },
    ],
    platform: { log: createLog('silent', () => undefined), clock: createSystemClock() },
  });
  const origin = `https://localhost:${String(service.ports[0])}`;
  const sts = await openTestSts({ ...options, ca, issuer: origin });
  service.serve(
    sts.routes,
    () => Promise.resolve({ status: 'ok', checks: {} }),
    (thumbprint) => sts.status.isCertificateRevoked(thumbprint),
  );
  const agents: Agent[] = [];
  return {
    ...sts,
    origin,
    async fetchAs(of) {
      const leaf = of === undefined ? {} : await ca.issue(of).then(({ cert, key }) => ({ cert, key }));
      const dispatcher = new Agent({ connect: { ca: ca.cert, ...leaf } });
      agents.push(dispatcher);
      return (url, options) => fetch(url, { ...options, dispatcher });
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.close()));
      await service.stop();
      await sts.close();
    },
  };
}
