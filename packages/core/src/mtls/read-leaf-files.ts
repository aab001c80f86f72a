import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { notAfterOf, notBeforeOf } from './leaf-problem.ts';
import { certificateThumbprint, spiffeIdOf } from './peer-identity.ts';
import { renewalTime } from './renewal-time.ts';

/** What a service's certificate in a folder says; times are milliseconds since the epoch. */
export interface LeafFile {
  readonly service: string;
  readonly thumbprint: string;
  readonly subject: string;
  readonly spiffeId: string | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewAt: number;
}

const AUTHORITIES = 'ca.crt';
const MOST_FILES = 1_000;

/** The certificates `<service>.crt` of a folder by service; keys are not read, and files that hold none are left out. */
export async function readLeafFiles(folder: string): Promise<readonly LeafFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.crt') && name !== AUTHORITIES);
  const leaves = await Promise.all(
    names
      .sort()
      .slice(0, MOST_FILES)
      .map((name) => readLeafFile(folder, name)),
  );
  return leaves.filter((leaf) => leaf !== undefined);
}

async function readLeafFile(folder: string, name: string): Promise<LeafFile | undefined> {
  try {
    const leaf = new X509Certificate(await readFile(join(folder, name)));
    return {
      service: name.slice(0, -'.crt'.length),
      thumbprint: certificateThumbprint(leaf.raw),
      subject: leaf.subject,
      spiffeId: spiffeIdOf(leaf),
      notBefore: notBeforeOf(leaf),
      notAfter: notAfterOf(leaf),
      renewAt: renewalTime(leaf),
    };
  } catch {
    return undefined;
  }
}
