import { createPrivateKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { createMasterKeyEnvelope, loadMasterKeys } from '@aduana/server-kit/secrets/master-key';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import type { Jwk } from '@aduana/core/tokens/jwk';
import { readUnverifiedKeySet } from '../../subgraphs/sts/keys/key-store.ts';

const log = createLog('silent', () => undefined);
const clock = createSystemClock();

/** Key files of mode 0600: what they hold is theirs alone. */
export const isKeyFile = (path: string): boolean => path.endsWith('.key');

/**
 * Every secret that a deployment of separate processes holds now, by a name of its own: master keys, the sealed secrets, the
 * private keys of certificates and of tokens.
 *
 * @param when a word for this moment, as the same secret has other values later
 */
export async function collectSecrets(
  { folder, databaseUrl }: { readonly folder: string; readonly databaseUrl: string },
  when: string,
): Promise<ReadonlyMap<string, Uint8Array | string>> {
  const home = join(folder, 'home');
  const secrets = new Map<string, Uint8Array | string>();
  const learn = (what: string, value: Uint8Array | string): void => void secrets.set(what, value);
  const masterKeys = (await loadMasterKeys(join(home, 'master.key'))) ?? [];
  for (const { id, bytes } of masterKeys) learn(`master key ${id}`, bytes);
  const envelope = createMasterKeyEnvelope(join(home, 'master.key'), masterKeys);
  const sealed = await readFile(join(home, 'secrets.sealed'), 'utf8');
  const opened = (await envelope.open(sealed, { purpose: 'secrets-file' })).toString('utf8');
  for (const [of, [, value]] of Object.entries(JSON.parse(opened) as Record<string, [number, string]>))
    learn(`${of} ${when}`, Buffer.from(value, 'base64url'));
  for (const place of [home, join(folder, 'certs')])
    for (const file of (await readdir(place)).filter((one) => isKeyFile(one) && one !== 'master.key')) {
      const pem = await readFile(join(place, file), 'utf8');
      learn(`${file} ${when}`, pem.split('\n')[1] ?? '');
      learn(`the scalar of ${file} ${when}`, scalarOf(createPrivateKey(pem).export({ format: 'jwk' })));
    }
  const settings = { ADUANA_HOME: home, SECRET_PROVIDER: 'local' } as const;
  const provider = await createSecretProvider({ settings, environment: {}, clock, log });
  const keys = openPgDatabase({ url: databaseUrl, schema: 'sts', log, maxConnections: 1 });
  for (const [kid, part] of (await readUnverifiedKeySet(keys))?.parts ?? [])
    if (part.heldIn === 'store') {
      const jwk = await provider.unwrap(part.wrapped, { purpose: 'signing-key', kid });
      learn(`signing key ${kid}`, scalarOf(JSON.parse(jwk.reveal()) as Jwk));
    }
  await Promise.all([keys.close(), provider.close()]);
  return secrets;
}

/** What makes a JWK private (RFC 7518 section 6.2.2). */
function scalarOf({ d = '' }: Jwk): Buffer {
  return Buffer.from(d, 'base64url');
}
