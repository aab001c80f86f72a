import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';

const folders: string[] = [];

afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder with these files, gone after the suite. */
export async function policyFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-policies-'));
  folders.push(folder);
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

/** The engine of an `iam_policies.yaml` without its first line, and of further files. */
export async function engineOf(iam: string, files: Readonly<Record<string, string>> = {}): Promise<Engine> {
  return compile(
    await loadPolicies(await policyFolder({ 'iam_policies.yaml': `version: 1\n${iam}`, ...files })),
  );
}
