import { X509Certificate } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';

/**
 * A service's certificate in the folder; undefined where it or its key is missing.
 *
 * @throws ConfigurationError when the file holds no certificate
 */
export async function readLeaf(certsDir: string, service: string): Promise<X509Certificate | undefined> {
  const path = join(certsDir, `${service}.crt`);
  const pem = await readPair(path, join(certsDir, `${service}.key`));
  try {
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    throw new ConfigurationError([
      {
        subject: path,
        problem: 'holds no certificate that can be read',
        remedy: 'Remove it and its key, and run `npx aduana certs`',
      },
    ]);
  }
}

async function readPair(certificate: string, key: string): Promise<Buffer | undefined> {
  try {
    await access(key);
    return await readFile(certificate);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
