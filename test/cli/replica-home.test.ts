import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { CommandContext } from '../../cli/command-context.ts';
import { claimReplicaHome, type ClaimedHome } from '../../cli/replica-home.ts';

let home: string;
let claimed: ClaimedHome[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'aduana-shared-'));
  claimed = [];
});

afterEach(async () => {
  await Promise.all(claimed.map((one) => one.release()));
  await rm(home, { recursive: true, force: true });
});

async function claim(
  variables: CommandContext['environment'] = {},
  service = 'sts',
): Promise<CommandContext['environment']> {
  const context: CommandContext = {
    environment: { ADUANA_HOME: home, SHARED_HOME: 'true', ...variables },
    clock: createSystemClock(),
    log: createLog('silent', () => undefined),
    print: () => undefined,
    printError: () => undefined,
  };
  const one = await claimReplicaHome(service, context);
  claimed.push(one);
  return one.context.environment;
}

test('replicas that share a home differ in home and instance, and have the same master key', async () => {
  const master = join(home, 'master.key');
  const [first, second] = [await claim(), await claim()];
  expect(first).toMatchObject({ ADUANA_HOME: home, INSTANCE: '1', ADUANA_MASTER_KEY_FILE: master });
  expect(second).toMatchObject({
    ADUANA_HOME: join(home, 'replicas', '2'),
    INSTANCE: '2',
    ADUANA_MASTER_KEY_FILE: master,
  });
});

test('replicas that start side by side in an empty home make one master key', async () => {
  const files = await Promise.all(
    Array.from({ length: 6 }, async () => (await claim())['ADUANA_MASTER_KEY_FILE'] ?? ''),
  );
  expect(new Set(files)).toEqual(new Set([join(home, 'master.key')]));
  expect((await readFile(files[0] ?? '', 'utf8')).trim().split('\n')).toHaveLength(1);
});

test('a process that a replica starts works in the home of the replica', async () => {
  const replica = await claim();
  expect(await claim(replica)).toEqual(replica);
});

test('a given instance is continued by the first replica and numbered for the others', async () => {
  const given = { INSTANCE: 'east' };
  expect([(await claim(given))['INSTANCE'], (await claim(given))['INSTANCE']]).toEqual(['east', 'east-2']);
});

test('services that share a home are no replicas of each other', async () => {
  const homes = [await claim({}, 'sts'), await claim({}, 'audit')];
  expect(homes.map(({ ADUANA_HOME }) => ADUANA_HOME)).toEqual([home, home]);
});

test('without SHARED_HOME nothing changes', async () => {
  expect(await claim({ SHARED_HOME: '' })).toEqual({ ADUANA_HOME: home, SHARED_HOME: '' });
  expect(existsSync(join(home, 'sts.replica.lock'))).toBe(false);
});

test('no master key is made where another provider wraps', async () => {
  expect(await claim({ SECRET_PROVIDER: 'vault' })).not.toHaveProperty('ADUANA_MASTER_KEY_FILE');
  expect(existsSync(join(home, 'master.key'))).toBe(false);
});

test('a home that has lost its master key is refused, and left free', async () => {
  await writeFile(join(home, 'secrets.sealed'), 'sealed');
  await expect(claim()).rejects.toMatchObject({
    problems: [{ problem: expect.stringMatching(/^is lost/) }],
  });
  expect(existsSync(join(home, 'sts.replica.lock'))).toBe(false);
});
