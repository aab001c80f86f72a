import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultyLink, openFaultyLink } from '../faulty-link.ts';
import { startBalancer } from './balancer.ts';
import { type EtcdHosts, startEtcd } from './etcd-hosts.ts';
import { type Host, openHost } from './host.ts';
import { addressOf, HOST_NAMES, type HostName, hostsFile, makeNetwork, TESTS_ADDRESS } from './network.ts';
import { type PatroniHosts, POSTGRES_HOSTS, startPatroni } from './patroni-hosts.ts';
import { type RedisHosts, startRedis } from './redis-hosts.ts';
import { type ServiceHosts, startServices } from './service-hosts.ts';

/** The deployment of docs/guides/load-balancing.md, each part on a host of its own. */
export interface Bed {
  readonly hosts: Readonly<Record<HostName, Host>>;
  readonly etcd: EtcdHosts;
  readonly patroni: PatroniHosts;
  readonly redis: RedisHosts;
  readonly services: ServiceHosts;
  /** Between the first replicas and the balancer in front of PostgreSQL; the second ones look for the leader themselves. */
  readonly toDatabase: FaultyLink;
  /** What an operator does after an event: plugs in, lets go on and starts whatever is not as it should be. */
  repair(): Promise<void>;
}

/** Nothing of it is closed: it ends with the namespaces in which it is made. */
export async function makeBed(): Promise<Bed> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-bed-'));
  await chmod(folder, 0o755);
  await writeFile('/etc/hosts', hostsFile());
  await makeNetwork();
  const hosts = Object.fromEntries(HOST_NAMES.map((name) => [name, openHost(name, folder)])) as Record<HostName, Host>; // prettier-ignore
  const etcd = await startEtcd(hosts, folder);
  const [patroni, redis] = await Promise.all([startPatroni(hosts, folder), startRedis(hosts, folder)]);
  await startBalancer(hosts.balancer, folder);
  const toDatabase = await openFaultyLink(5432, true, {
    listenAt: TESTS_ADDRESS,
    listenPort: 5432,
    targetHost: addressOf('balancer'),
  });
  const balanced = 'postgres://postgres@database:5432/postgres';
  const services = await startServices(hosts, folder, [balanced, patroni.url], redis.sentinelUrl);
  return {
    hosts,
    etcd,
    patroni,
    redis,
    services,
    toDatabase,
    async repair() {
      toDatabase.delayMilliseconds = 0;
      for (const host of Object.values(hosts)) {
        await host.setLink('up');
        await host.mend();
        await host.signal('SIGCONT');
      }
      await etcd.restart();
      for (const name of POSTGRES_HOSTS) if (await hosts[name].isIdle()) patroni.start(name);
      await redis.restart();
      await patroni.untilWhole();
    },
  };
}
