// The attacker is another user of the machine on which the auditor exports the log, and wants to read the export, change it, or have it written over a file of the auditor.
import { chmod, chown, lchown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLog } from '@aduana/audit-verifier/export-log';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { UsageProblem } from '@aduana/audit-verifier/problems';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const WRITTEN = ['checkpoint', 'dropped-hashes', 'entries.jsonl', 'minimum-index', 'timestamp.tsr', 'timestamped-checkpoint', 'vkey']; // prettier-ignore

/** A log that writes each of the files. */
const source: LogSource = {
  isRunning: false,
  vkey: 'vkey',
  checkpoint: 'origin\n300\nAAAA\n',
  minimumIndex: 'origin\nminimum index 256\n',
  timestamped: { note: 'note', response: Buffer.from('stamp') },
  hashes: (from, to) => Promise.resolve(Buffer.alloc((to - from) * 32)),
  entries: (from, to) => Promise.resolve(Array.from({ length: to - from }, () => '{}')),
  close: () => Promise.resolve(),
};

let base: string;
let folder: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'aduana-export-'));
  folder = join(base, 'export');
  await mkdir(folder, { mode: 0o700 });
});
afterEach(() => rm(base, { recursive: true }));

test('links that lie where the files are to be are not followed', async () => {
  const victim = join(base, 'victim');
  await writeFile(victim, 'kept');
  for (const name of WRITTEN) await symlink(victim, join(folder, name));
  await exportLog(source, folder);
  expect(await readFile(victim, 'utf8')).toBe('kept');
  expect((await readFile(join(folder, 'entries.jsonl'), 'utf8')).split('\n')).toHaveLength(45);
});

test('files that everybody may read are replaced by ones that only their owner may', async () => {
  for (const name of WRITTEN) {
    await writeFile(join(folder, name), 'older');
    await chmod(join(folder, name), 0o666);
  }
  await exportLog(source, folder);
  expect((await readdir(folder)).sort()).toEqual(WRITTEN);
  for (const name of WRITTEN) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
});

async function expectRefusal(of: string, why: string): Promise<void> {
  await expect(exportLog(source, of)).rejects.toThrow(UsageProblem);
  await expect(exportLog(source, of)).rejects.toThrow(why);
  expect(await readdir(of)).toEqual([]);
}

test.each(['770', '707', '720', '1777'])('nothing is written to a folder of mode %s', async (mode) => {
  await chmod(folder, mode);
  await expectRefusal(folder, 'run chmod go-w');
});

(isRoot ? test : test.skip)('nor to the folder of another user, nor by the link of one', async () => {
  const link = join(base, 'link');
  await symlink(folder, link);
  expect(await exportLog(source, link)).toBe(44);
  for (const name of WRITTEN) await rm(join(folder, name));
  await lchown(link, NOBODY, NOBODY);
  await expectRefusal(link, 'another user');
  await expectRefusal(`${link}/`, 'another user');
  await chown(folder, NOBODY, NOBODY);
  await expectRefusal(folder, 'another user');
});
