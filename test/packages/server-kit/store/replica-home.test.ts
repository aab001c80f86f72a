import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { acquireReplicaHome, MOST_REPLICAS, type ReplicaHome } from '@aduana/server-kit/store/replica-home';

const clock = createSystemClock();
let shared: string;
let held: ReplicaHome[];

beforeEach(async () => {
  shared = await mkdtemp(join(tmpdir(), 'aduana-replicas-'));
  held = [];
});

afterEach(async () => {
  await Promise.all(held.map((home) => home.release()));
  await rm(shared, { recursive: true, force: true });
});

async function acquire(): Promise<ReplicaHome> {
  const home = await acquireReplicaHome(shared, 'sts', clock);
  held.push(home);
  return home;
}

test('each replica has a home of its own, and the first one the folder itself', async () => {
  const homes = await Promise.all(Array.from({ length: 5 }, acquire));
  expect(homes.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4, 5]);
  for (const { number, folder } of homes)
    expect(folder).toBe(number === 1 ? shared : join(shared, 'replicas', String(number)));
});

test('a replica that starts again takes the home that was given back, and no new one', async () => {
  const [, second] = [await acquire(), await acquire(), await acquire()];
  await second.release();
  expect((await acquire()).number).toBe(2);
});

test('the home of a replica that died without a word is taken first', async () => {
  const dead = { id: 'theirs', pid: 999_999_999, host: hostname(), started: '1' };
  await writeFile(join(shared, 'sts.replica.lock'), JSON.stringify(dead));
  expect((await acquire()).folder).toBe(shared);
});

test('more replicas than there may be are refused', async () => {
  for (let number = 1; number <= MOST_REPLICAS; number += 1) await acquire();
  await expect(acquire()).rejects.toMatchObject({
    name: 'ConfigurationError',
    problems: [{ subject: 'ADUANA_HOME', problem: expect.stringMatching(/^64 replicas of sts use/) }],
  });
});

test('a folder in which nothing can be written is refused with its name', async () => {
  await writeFile(join(shared, 'file'), '');
  await expect(acquireReplicaHome(join(shared, 'file', 'home'), 'sts', clock)).rejects.toMatchObject({
    problems: [{ subject: 'ADUANA_HOME', problem: expect.stringMatching(/cannot be written \(E[A-Z]+\)/) }],
  });
});
