import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { acquireHomeLock } from '@aduana/server-kit/store/home-lock';
import { until } from '../../../support/until.ts';

const clock = createSystemClock();
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'aduana-lock-'));
});

afterEach(() => rm(home, { recursive: true, force: true }));

function lockOf(holder: object): Promise<void> {
  return writeFile(join(home, 'sts.lock'), JSON.stringify({ id: 'theirs', started: '1', ...holder }));
}

test('a home belongs to one process per service', async () => {
  const lock = await acquireHomeLock(home, 'sts', clock);
  await expect(acquireHomeLock(home, 'sts', clock)).rejects.toMatchObject({
    name: 'ConfigurationError',
    problems: [
      { subject: join(home, 'sts.lock'), problem: expect.stringMatching(/runs on this home already/) },
    ],
  });
  await (await acquireHomeLock(home, 'audit', clock)).release();
  await lock.release();
  await lock.release();
  await (await acquireHomeLock(home, 'sts', clock)).release();
  expect(await readdir(home)).toEqual([]);
});

test('the lock of a killed process is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const stat = await readFile(`/proc/${String(child.pid)}/stat`, 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  await lockOf({ pid: child.pid, host: hostname(), started });
  await expect(acquireHomeLock(home, 'sts', clock)).rejects.toMatchObject({ name: 'ConfigurationError' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await acquireHomeLock(home, 'sts', clock)).release();
});

test('a killed process whose parent has not noticed yet holds nothing', async () => {
  const script = 'sleep 30 & echo $!; exec sleep 30';
  const parent = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  // a shell would notice
  await until(async () => (await readFile(`/proc/${String(parent.pid)}/stat`, 'utf8')).includes('(sleep)'));
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  await lockOf({ pid, host: hostname(), started });
  process.kill(pid, 'SIGKILL');
  await (await acquireHomeLock(home, 'sts', clock)).release();
  expect(await readFile(`/proc/${String(pid)}/stat`, 'utf8')).toMatch(/\) Z /);
  parent.kill('SIGKILL');
});

test('a process that got the pid of a dead holder is not taken for it', async () => {
  await lockOf({ pid: process.pid, host: hostname(), started: 'another time' });
  await (await acquireHomeLock(home, 'sts', clock)).release();
});

test('a holder on another host keeps its lock until it has been silent for long', async () => {
  await lockOf({ pid: 1, host: 'elsewhere', started: '1' });
  await expect(acquireHomeLock(home, 'sts', clock)).rejects.toMatchObject({ name: 'ConfigurationError' });
  const later = { ...clock, now: () => clock.now() + 31_000 };
  await (await acquireHomeLock(home, 'sts', later)).release();
});

test('the lock of a killed container is taken over at once, and that of a living one is not', async () => {
  const held = await acquireHomeLock(home, 'sts', clock);
  const lock = join(home, 'sts.lock');
  const own = JSON.parse(await readFile(lock, 'utf8')) as { id: string };
  // as it looks from another container: another host name, and a pid that is somebody else's there
  await writeFile(lock, JSON.stringify({ ...own, host: 'another-container', pid: 1 }));
  await expect(acquireHomeLock(home, 'sts', clock)).rejects.toMatchObject({ name: 'ConfigurationError' });
  await held.release();

  const script = `
    import { acquireHomeLock } from ${JSON.stringify(new URL('../../../../packages/server-kit/dist/store/home-lock.js', import.meta.url).href)};
    import { createSystemClock } from ${JSON.stringify(new URL('../../../../packages/core/dist/platform/clock.js', import.meta.url).href)};
    await acquireHomeLock(${JSON.stringify(home)}, 'sts', createSystemClock());
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const theirs = JSON.parse(await readFile(lock, 'utf8')) as object;
  await writeFile(lock, JSON.stringify({ ...theirs, host: 'another-container', pid: 1 }));
  await expect(acquireHomeLock(home, 'sts', clock)).rejects.toMatchObject({ name: 'ConfigurationError' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await acquireHomeLock(home, 'sts', clock)).release();
  expect(await readdir(home)).toEqual([]);
});

test('of many that find a dead lock, one gets it', async () => {
  await lockOf({ pid: 999_999_999, host: hostname() });
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => acquireHomeLock(home, 'sts', clock)),
  );
  const held = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(held).toHaveLength(1);
  await Promise.all(held.map((lock) => lock.release()));
});

test('half a lock file counts as a dead one', async () => {
  await writeFile(join(home, 'sts.lock'), '{"id":"th');
  await (await acquireHomeLock(home, 'sts', clock)).release();
});

test('a folder that cannot be made is a configuration problem', async () => {
  await writeFile(join(home, 'file'), '');
  await expect(acquireHomeLock(join(home, 'file', 'home'), 'sts', clock)).rejects.toMatchObject({
    problems: [{ subject: 'ADUANA_HOME' }],
  });
});
