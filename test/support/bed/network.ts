import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const SUBNET = '10.77.0';

/** Every host by its last number. */
const NUMBERS = {
  balancer: 2,
  postgres1: 11,
  postgres2: 12,
  postgres3: 13,
  etcd1: 21,
  etcd2: 22,
  etcd3: 23,
  redis1: 31,
  redis2: 32,
  sentinel1: 33,
  sentinel2: 34,
  sentinel3: 35,
  gateway1: 41,
  gateway2: 42,
  sts1: 51,
  sts2: 52,
  audit1: 61,
  audit2: 62,
  admin: 71,
  leads: 81,
} as const;

export type HostName = keyof typeof NUMBERS;
/** Where the tests themselves are: at the bridge's own address. */
export const TESTS_ADDRESS = `${SUBNET}.1`;
export const HOST_NAMES = Object.keys(NUMBERS) as HostName[];

/** Whether this is one of the namespaces that `tools/availability.js` makes: nothing of the machine is touched in them. */
export const hasBed = process.env['AVAILABILITY_BED'] === 'namespaces';

export function addressOf(host: HostName | 'tests'): string {
  return host === 'tests' ? TESTS_ADDRESS : `${SUBNET}.${String(NUMBERS[host])}`;
}

/** The lines of `/etc/hosts`: services are at the balancer, and the database behind the tests' own proxy before it. */
export function hostsFile(): string {
  const own = HOST_NAMES.map((host) => `${addressOf(host)} ${host}`);
  const shared = [`${addressOf('balancer')} sts audit gateway`, `${TESTS_ADDRESS} database`];
  return ['127.0.0.1 localhost', ...own, ...shared, ''].join('\n');
}

/** Runs a command to its end. */
export async function run(command: string, ...parameters: readonly string[]): Promise<string> {
  return (await promisify(execFile)(command, [...parameters])).stdout;
}

/** A bridge, and every host on it. */
export async function makeNetwork(): Promise<void> {
  await run('ip', 'link', 'add', 'bed', 'type', 'bridge');
  await run('ip', 'address', 'add', `${TESTS_ADDRESS}/24`, 'dev', 'bed');
  await run('ip', 'link', 'set', 'bed', 'up');
  for (const host of HOST_NAMES) {
    await run('ip', 'netns', 'add', host);
    await run('ip', 'link', 'add', `to-${host}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host);
    await run('ip', '-n', host, 'address', 'add', `${addressOf(host)}/24`, 'dev', 'eth0');
    await run('ip', '-n', host, 'link', 'set', 'eth0', 'up');
    await run('ip', '-n', host, 'link', 'set', 'lo', 'up');
    await run('ip', 'link', 'set', `to-${host}`, 'master', 'bed', 'up');
  }
}
