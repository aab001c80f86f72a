import { afterEach, describe, expect, test } from '@jest/globals';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { type LivePolicies, openPolicies } from '@aduana/server-kit/iam/live-policies';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { policyFolder } from '../../../support/policy-folder.ts';
import { until } from '../../../support/until.ts';

const iam = (permission: string) => `version: 1\nroles:\n  r: { permissions: ["${permission}"] }\n`;
const EXPECT_A =
  'version: 1\ntests:\n  - { given: { roles: [r], action: a }, expect: allow, because: a is a right of r }\n';

let opened: LivePolicies[] = [];
afterEach(async () => {
  for (const live of opened) await live.stop();
  opened = [];
});

async function open(folder: string, clock: FakeClock = createFakeClock()) {
  const lines: string[] = [];
  const live = await openPolicies({
    folder,
    clock,
    log: createLog('warn', (line) => lines.push(line)),
    pollMilliseconds: 1000,
  });
  opened.push(live);
  const allows = (action: string) =>
    evaluate(live.current(), { subject: 's', roles: ['r'], action }).effect === 'allow';
  return { live, clock, lines, allows };
}

/** Lets the fake clock run until the condition holds: reading files takes real time. */
const untilPolled = (clock: FakeClock, holds: () => boolean): Promise<void> =>
  until(holds, () => clock.advance(500));

describe('policies in force', () => {
  test('changed files come into force whole, and listeners hear of it with the hash', async () => {
    const folder = await policyFolder({ 'iam_policies.yaml': iam('a') });
    const { live, clock, allows } = await open(folder);
    const before = live.current().sha256;
    const heard: string[][] = [];
    live.onChange((engine, previous) => heard.push([previous.sha256, engine.sha256]));
    await clock.advance(500); // the file may be noticed before time passes again
    await writeFile(join(folder, 'iam_policies.yaml'), iam('b'));
    await untilPolled(clock, () => allows('b'));
    expect(allows('a')).toBe(false);
    expect(heard).toEqual([[before, live.current().sha256]]);
    expect(live.loadedAt).toBeGreaterThan(Date.parse('2026-01-01T00:00:00Z'));
  });

  test('a folder behind a link that is swapped, as in a Kubernetes volume, is noticed', async () => {
    const root = await policyFolder({});
    for (const [version, permission] of [
      ['v1', 'a'],
      ['v2', 'b'],
    ] as const) {
      await mkdir(join(root, version));
      await writeFile(join(root, version, 'iam_policies.yaml'), iam(permission));
    }
    await symlink('v1', join(root, '..data'));
    await symlink(join('..data', 'iam_policies.yaml'), join(root, 'iam_policies.yaml'));
    const { clock, allows } = await open(root);
    expect(allows('a')).toBe(true);
    await symlink('v2', join(root, '..data_tmp'));
    await rename(join(root, '..data_tmp'), join(root, '..data'));
    await untilPolled(clock, () => allows('b'));
  });

  test('bad files never replace good ones, and are reported with file and line until they are good', async () => {
    const folder = await policyFolder({ 'iam_policies.yaml': iam('a') });
    const { live, clock, lines, allows } = await open(folder);
    await writeFile(join(folder, 'iam_policies.yaml'), 'version: 1\nroles:\n  r: { permission: [b] }\n');
    await untilPolled(clock, () => live.lastProblem !== undefined);
    expect(allows('a')).toBe(true);
    expect(live.lastProblem?.problems[0]?.subject).toBe(join(folder, 'iam_policies.yaml:3'));
    await expect(live.reload()).rejects.toBeInstanceOf(ConfigurationError);
    expect(allows('a')).toBe(true);
    expect(lines.join()).toContain('the last good ones stay in force');
    await writeFile(join(folder, 'iam_policies.yaml'), iam('b'));
    await untilPolled(clock, () => allows('b'));
    expect(live.lastProblem).toBeUndefined();
  });

  test('policies whose tests fail do not come into force, at start or later', async () => {
    const folder = await policyFolder({ 'iam_policies.yaml': iam('a'), 'iam_policies.test.yaml': EXPECT_A });
    const { live, allows } = await open(folder);
    await writeFile(join(folder, 'iam_policies.yaml'), iam('b'));
    await expect(live.reload()).rejects.toThrow('expects allow and gets deny');
    expect(allows('a')).toBe(true);
    await expect(open(folder)).rejects.toThrow('iam_policies.test.yaml:3: the policy test');
  });

  test('a file that is gone is no empty file', async () => {
    const folder = await policyFolder({
      'iam_policies.yaml': iam('a'),
      'service_identities.yaml': 'version: 1\nservices: { s: { roles: [r] } }\n',
    });
    const { live } = await open(folder);
    await rm(join(folder, 'service_identities.yaml'));
    await expect(live.reload()).rejects.toThrow('service_identities.yaml: is gone');
    expect(live.current().services.has('s')).toBe(true);
  });

  test('a rollback puts the policies before into force and stays until the files change again', async () => {
    const folder = await policyFolder({ 'iam_policies.yaml': iam('a') });
    const { live, clock, allows } = await open(folder);
    expect(live.rollback()).toBeUndefined();
    await writeFile(join(folder, 'iam_policies.yaml'), iam('b'));
    await live.reload();
    expect(live.rollback()).toBe(live.current());
    expect(allows('a')).toBe(true);
    await clock.advance(10_000);
    expect(allows('a')).toBe(true);
    await writeFile(join(folder, 'iam_policies.yaml'), iam('c'));
    await untilPolled(clock, () => allows('c'));
  });
});
