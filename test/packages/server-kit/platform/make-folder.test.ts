import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '@aduana/server-kit/platform/make-folder';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a folder', () => {
  test('is made with those above it, for its owner alone, by several at once', async () => {
    const path = join(folder, 'a/b/c');
    await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(path, 'd'))]);
    for (const made of [path, join(folder, 'a')]) expect((await stat(made)).mode & 0o777).toBe(0o700);
    await makeFolder(path);
    await makeFolder('/');
  });

  test('that is there by a symbolic link is taken', async () => {
    await symlink(folder, join(folder, 'link'));
    await makeFolder(join(folder, 'link'));
    await makeFolder(join(folder, 'link/below'));
    expect((await stat(join(folder, 'below'))).isDirectory()).toBe(true);
  });

  test('is refused at once where nothing can be made', async () => {
    await writeFile(join(folder, 'file'), '');
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    for (const path of [
      '/proc/x',
      '/proc/x/y',
      '',
      ...['file', 'file/below', 'dangling'].map((name) => join(folder, name)),
    ])
      await expect(makeFolder(path)).rejects.toMatchObject({
        code: expect.stringMatching(/^(ENOENT|EEXIST|ENOTDIR|EACCES)$/) as unknown,
      });
  });
});
