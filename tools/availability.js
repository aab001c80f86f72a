// `npm run test:availability [-- -t ROW]`: plays what befalls a deployment of many hosts, under load, and prints a table.
// The hosts are network namespaces in namespaces of their own for networks, mounts and processes: however the run ends,
// the kernel ends every process with it and takes every host, link and file away.
import './print-help.js';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

const JEST = ['node_modules/jest/bin/jest.js', '--runInBand', '--forceExit', '--verbose'];
const INSIDE = `
mount -t tmpfs tmpfs /mnt && mkdir -p /mnt/tmp && chmod 1777 /mnt/tmp && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns &&
  cp /etc/hosts /mnt/hosts && mount --bind /mnt/hosts /etc/hosts && ip link set lo up || exit 1
"$@" & wait $!`; // a shell stays, to reap what loses its parent
const NAMESPACES = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc']; // prettier-ignore

/** Debian's packages, each with what it brings. */
const NEEDED = {
  'util-linux': ['setpriv', 'unshare', 'nsenter'],
  iproute2: ['ip'],
  iptables: ['iptables'],
  patroni: ['patroni'],
  'etcd-server': ['etcd'],
  'etcd-client': ['etcdctl'],
  haproxy: ['haproxy'],
  pgbouncer: ['pgbouncer'],
  'postgresql-client': ['psql'],
  'redis-sentinel': ['redis-sentinel'],
  'redis-server': ['redis-server'],
  'redis-tools': ['redis-cli'],
};
/** `python3-etcd`: how Patroni speaks to etcd. */
const NEEDED_FILES = {
  postgresql: '/usr/lib/postgresql',
  'python3-etcd': '/usr/lib/python3/dist-packages/etcd',
};

function whatIsMissing() {
  if (process.getuid?.() !== 0) return 'this needs root';
  const folders = environment.PATH.split(':');
  const isPresent = (tool) => folders.some((folder) => existsSync(`${folder}/${tool}`));
  const packages = Object.keys(NEEDED).filter((name) => !NEEDED[name].every(isPresent));
  for (const [name, path] of Object.entries(NEEDED_FILES)) if (!existsSync(path)) packages.push(name);
  if (packages.length > 0) return `apt-get install --no-install-recommends ${packages.join(' ')}`;
  const tried = spawnSync(NAMESPACES[0], [...NAMESPACES.slice(1), 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `no namespaces can be made: ${tried.stderr}`;
}

const environment = {
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  NODE_OPTIONS: '--experimental-vm-modules',
};
const missing = whatIsMissing();
if (missing !== undefined)
  process.stderr.write(
    `\n!!! NOT PLAYED: the rows with hosts of their own, only those on loopback: ${missing}\n\n`,
  );
const suite = `test/faults/${missing === undefined ? 'availability-of-hosts' : 'availability.test'}`;
const node = [process.execPath, ...JEST, suite, ...process.argv.slice(2)];
const [command, ...parameters] =
  missing === undefined ? [...NAMESPACES, 'sh', '-c', INSIDE, 'sh', ...node] : node;
const run = spawn(command, parameters, {
  stdio: 'inherit',
  env: {
    ...environment,
    ...(missing === undefined ? { AVAILABILITY_BED: 'namespaces', TMPDIR: '/mnt/tmp' } : {}),
  },
});
// the first process of a namespace does not hear what a terminal sends
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => run.kill('SIGKILL'));
const [code] = await once(run, 'exit');
process.exitCode = code ?? 1;
