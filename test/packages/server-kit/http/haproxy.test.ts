import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { ServiceRequest } from '@aduana/core/http/route';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { commandsOf, describeWith } from '../../../support/foreign-parts.ts';
import { askForwarded } from '../../../support/forwarded-client.ts';
import { freePort } from '../../../support/free-port.ts';
import { createTestCa, type TestCa } from '../../../support/test-ca.ts';
import { issueTestIdentity } from '../../../support/test-identity.ts';
import { until } from '../../../support/until.ts';

const CLIENT = '127.0.0.2';
const BALANCER = '127.0.0.3';
const [haproxy] = commandsOf('haproxy');

describeWith('haproxy', haproxy !== undefined, 'behind HAProxy', () => {
  let ca: TestCa;
  let folder: string;
  let service: HttpService;
  let balancer: ChildProcess;
  const ports = { v1: 0, v2: 0 };
  /** Whose health checks came. */
  const checkers = new Set<string>();

  beforeAll(async () => {
    ca = await createTestCa();
    const identity = await issueTestIdentity(ca, 'gateway');
    const tls = { identity, trustDomain: 'aduana.local', clientCertificates: 'request', minVersion: 'TLSv1.3', balancers: [BALANCER] } as const; // prettier-ignore
    service = await openHttpService({
      name: 'test',
      listeners: [{ address: '127.0.0.1', port: 0, tls }],
      platform: { clock: createSystemClock(), log: createLog('silent', () => undefined) },
    });
    const handle = ({ path, remoteAddress }: ServiceRequest) => {
      if (path === '/check') checkers.add(remoteAddress);
      return Promise.resolve({ status: 200, body: remoteAddress });
    };
    const routes = ['/address', '/check'].map((path) => ({ method: 'GET', path, handle }) as const);
    service.serve(routes, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
    for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
    folder = await mkdtemp(join(tmpdir(), 'aduana-haproxy-'));
    const server = `server one 127.0.0.1:${String(service.ports[0])} source ${BALANCER}`;
    const lines = [
      'defaults',
      '  mode tcp',
      '  timeout connect 30s',
      '  timeout client 60s',
      '  timeout server 60s',
      ...['listen v1', `  bind 127.0.0.1:${String(ports.v1)}`, `  ${server} send-proxy`],
      ...[
        'listen v2',
        `  bind 127.0.0.1:${String(ports.v2)}`,
        '  option httpchk GET /check',
        `  ${server} send-proxy-v2 check check-ssl verify none`,
      ],
    ];
    await writeFile(join(folder, 'haproxy.cfg'), `${lines.join('\n')}\n`);
    balancer = spawn(haproxy ?? '', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  });
  afterAll(async () => {
    balancer.kill('SIGKILL');
    if (balancer.exitCode === null && balancer.signalCode === null) await once(balancer, 'exit');
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(['v1', 'v2'] as const)('a service knows the address of the client: %s', async (way) => {
    const ask = () =>
      askForwarded(ports[way], { header: '', ca: ca.cert, path: '/address', localAddress: CLIENT });
    await until(() => ask().then(() => true, () => false)); // prettier-ignore
    expect(await ask()).toEqual({ status: 200, body: CLIENT });
  });

  test('its health checks of the port itself have its own address', async () => {
    await until(() => checkers.size > 0);
    expect([...checkers]).toEqual([BALANCER]);
  });
});
