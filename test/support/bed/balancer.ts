import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host, HostProcess } from './host.ts';
import { addressOf, type HostName } from './network.ts';
import { POSTGRES_HOSTS } from './patroni-hosts.ts';

const GENERAL = [
  'global',
  '  maxconn 2000',
  'defaults',
  '  mode tcp',
  '  timeout connect 2s',
  '  timeout check 2s',
  '  timeout client 60s',
  '  timeout server 60s',
  '  retries 2',
  '  option redispatch 1',
  '  default-server inter 1s fall 2 rise 1',
];

/** HAProxy on layer 4: in front of whoever leads PostgreSQL, and of the services as docs/guides/load-balancing.md has it. */
export async function startBalancer(host: Host, folder: string): Promise<HostProcess> {
  const file = join(folder, 'haproxy.cfg');
  const lines = [
    ...GENERAL,
    ...linesOf('database', 5432, '/primary'),
    ...POSTGRES_HOSTS.map((name) =>
      serverLine(name, 5432, 'check port 8008 on-marked-down shutdown-sessions'),
    ),
    ...serviceLines('gateway', 4443),
    ...serviceLines('sts', 8011),
    ...serviceLines('audit', 8012),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return host.start(['haproxy', '-db', '-f', file]);
}

/** Where no replica is ready, all are tried: they answer 503 and why. */
function serviceLines(service: 'gateway' | 'sts' | 'audit', port: number): readonly string[] {
  const replicas = [`${service}1`, `${service}2`] as readonly HostName[];
  return [
    ...linesOf(service, port, '/health/ready'),
    '  option allbackups',
    ...replicas.map((name) => serverLine(name, port, 'check port 9000')),
    ...replicas.map((name) => serverLine(name, port, 'backup', 'unready-')),
  ];
}

function linesOf(name: string, port: number, checkPath: string): readonly string[] {
  return [
    `listen ${name}`,
    `  bind :${String(port)}`,
    `  option httpchk GET ${checkPath}`,
    '  http-check expect status 200',
  ];
}

function serverLine(host: HostName, port: number, how: string, prefix = ''): string {
  return `  server ${prefix}${host} ${addressOf(host)}:${String(port)} ${how}`;
}
