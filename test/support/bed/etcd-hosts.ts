import { join } from 'node:path';
import type { Host, HostProcess } from './host.ts';
import { addressOf, run } from './network.ts';
import { until } from '../until.ts';

const NAMES = ['etcd1', 'etcd2', 'etcd3'] as const;
const ENDPOINTS = NAMES.map((name) => `http://${addressOf(name)}:2379`).join(',');

/** Three etcd, which agree as long as two run. */
export interface EtcdHosts {
  /** SIGKILL to this many of them. */
  kill(count: number): Promise<void>;
  /** Starts those that were killed. */
  restart(): Promise<void>;
}

export async function startEtcd(
  hosts: Record<(typeof NAMES)[number], Host>,
  folder: string,
): Promise<EtcdHosts> {
  const cluster = NAMES.map((name) => `${name}=http://${addressOf(name)}:2380`).join(',');
  const processes = new Map<(typeof NAMES)[number], HostProcess>();
  const start = (name: (typeof NAMES)[number]): void => {
    const [clients, peers] = [2379, 2380].map((port) => `http://${addressOf(name)}:${String(port)}`);
    const settings = {
      name,
      'data-dir': join(folder, name),
      'listen-client-urls': clients,
      'advertise-client-urls': clients,
      'listen-peer-urls': peers,
      'initial-advertise-peer-urls': peers,
      'initial-cluster': cluster,
      // as between sites: a busy machine elects no leader for nothing
      'heartbeat-interval': '250',
      'election-timeout': '2500',
    };
    const flags = Object.entries(settings).map(([flag, value]) => `--${flag}=${String(value)}`);
    processes.set(name, hosts[name].start(['etcd', ...flags]));
  };
  const isHealthy = () =>
    run('etcdctl', `--endpoints=${ENDPOINTS}`, '--command-timeout=2s', 'endpoint', 'health').then(
      () => true,
      () => false,
    );
  for (const name of NAMES) start(name);
  await until(isHealthy);

  return {
    async kill(count) {
      for (const name of NAMES.slice(0, count)) await processes.get(name)?.end('SIGKILL');
    },
    async restart() {
      for (const name of NAMES) if (processes.get(name)?.hasEnded === true) start(name);
      await until(isHealthy);
    },
  };
}
