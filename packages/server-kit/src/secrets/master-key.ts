import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { decrypt, encrypt } from './aes-gcm.ts';
import { contextBytes, type Envelope } from './envelope.ts';

const KEY_BYTES = 32;
const FORMAT = 'local1';

interface MasterKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/** The first one seals, all of them open. */
export type MasterKeys = readonly MasterKey[];

/** One base64url key a line: the first seals, all of them open, so that a new one can be put in front. */
export async function loadMasterKeys(path: string): Promise<MasterKeys | undefined> {
  const text = await read(path);
  if (text === undefined) return undefined;
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'base64url'));
  if (keys.length === 0 || keys.some((key) => key.length !== KEY_BYTES))
    throw problem(
      path,
      'holds something else than keys of 32 bytes in base64url, one a line',
      'Restore the file',
    );
  if (((await stat(path)).mode & 0o027) !== 0)
    throw problem(path, 'may be read or changed by others', `Run \`chmod 600 ${path}\``);
  return keys.map((bytes) => ({ id: sha256Base64url(bytes).slice(0, 11), bytes }));
}

/** Puts a new key in front of those that are there. */
export async function addMasterKey(path: string): Promise<MasterKeys> {
  const former = (await read(path)) ?? '';
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomically(path, `${random(KEY_BYTES).toString('base64url')}\n${former}`, 0o600);
  return (await loadMasterKeys(path)) ?? [];
}

/** Seals under the first key of a file, and opens under any: processes that run notice a key that is put in front. */
export function createMasterKeyEnvelope(path: string, loaded: MasterKeys): Envelope {
  let keys = loaded;

  async function keyOf(id: string): Promise<MasterKey | undefined> {
    const known = keys.find((key) => key.id === id);
    if (known !== undefined) return known;
    keys = (await loadMasterKeys(path).catch(() => undefined)) ?? keys;
    return keys.find((key) => key.id === id);
  }

  return {
    async seal(plaintext, context) {
      keys = (await loadMasterKeys(path).catch(() => undefined)) ?? keys; // a new one may have been put in front
      const [key] = keys;
      if (key === undefined) throw new TypeError('there is no master key');
      const sealed = encrypt(key.bytes, plaintext, contextBytes(context));
      return `${FORMAT}.${key.id}.${sealed.toString('base64url')}`;
    },
    async open(text, context) {
      const [format, id = '', sealed = ''] = text.split('.');
      const key = format === FORMAT ? await keyOf(id) : undefined;
      if (key === undefined)
        throw new SecurityError('FORBIDDEN', { detail: 'the text was not wrapped under a known master key' });
      const plaintext = decrypt(key.bytes, Buffer.from(sealed, 'base64url'), contextBytes(context));
      if (plaintext === undefined)
        throw new SecurityError('FORBIDDEN', {
          detail: 'the wrapped text was changed, or has another context',
        });
      return plaintext;
    },
    check: () => Promise.resolve(),
  };
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw problem(path, `cannot be read (${code})`, 'Let the user that runs Aduana read it');
  }
}

function problem(subject: string, what: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem: what, remedy }]);
}
