import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { createMutex } from '@aduana/core/platform/mutex';
import { withFileLock } from '../platform/file-lock.ts';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { Envelope } from './envelope.ts';
import type { SecretBackend } from './secret-backend.ts';
import { Secret } from '@aduana/core/secrets/secret';

const CONTEXT = { purpose: 'secrets-file' };
const PATIENCE_MILLISECONDS = 5000;

/** By name: the version and the value in base64url. */
type Entries = Record<string, readonly [version: number, value: string]>;

export interface FileBackendOptions {
  readonly kind: 'local' | 'aws_kms';
  readonly home: string;
  readonly envelope: Envelope;
  readonly clock: Clock;
}

export function secretsFile(home: string): string {
  return join(home, 'secrets.sealed');
}

/** Keeps secrets in one sealed file (0600) that several processes may share. */
export function createFileBackend({ kind, home, envelope, clock }: FileBackendOptions): SecretBackend {
  const path = secretsFile(home);
  const inTurn = createMutex();

  async function readEntries(): Promise<Entries> {
    try {
      const sealed = await readFile(path, 'utf8');
      return JSON.parse((await envelope.open(sealed, CONTEXT)).toString('utf8')) as Entries;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return {};
      if (error instanceof SecurityError)
        throw new SecurityError(error.code, {
          detail: `${path}: ${error.detail ?? error.message}`,
          cause: error,
        });
      if (code === 'EACCES' || code === 'EPERM')
        throw new SecurityError('FORBIDDEN', { detail: 'the secrets file may not be read', cause: error });
      throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
        detail: `the secrets file cannot be opened (${code ?? 'unknown error'})`,
        cause: error,
      });
    }
  }

  async function put(name: string, value: Secret, expectedVersion: number): Promise<number> {
    const entries = await readEntries();
    const [current = 0] = entries[name] ?? [];
    if (current !== expectedVersion)
      throw new SecurityError('CONFLICT', { detail: 'another writer was first' });
    entries[name] = [current + 1, value.revealBytes().toString('base64url')];
    const sealed = await envelope.seal(Buffer.from(JSON.stringify(entries)), CONTEXT);
    await writeFileAtomically(path, sealed, 0o600);
    return current + 1;
  }

  return {
    kind,
    async get(name) {
      const entries = await readEntries();
      if (!Object.hasOwn(entries, name)) return undefined;
      const [version = 0, value = ''] = entries[name] ?? [];
      return { value: Secret.of(Buffer.from(value, 'base64url')), version };
    },
    async put(name, value, expectedVersion) {
      await mkdir(home, { recursive: true, mode: 0o700 });
      // The services of this process take turns, so that patience is for other processes alone.
      return inTurn(() =>
        withFileLock(`${path}.lock`, clock, PATIENCE_MILLISECONDS, lockedBy, () =>
          put(name, value, expectedVersion),
        ),
      );
    },
    wrap: (plaintext, context) => envelope.seal(plaintext.revealBytes(), context),
    unwrap: async (wrapped, context) => Secret.of(await envelope.open(wrapped, context)),
    async check() {
      await readEntries();
      await envelope.check();
    },
    close: () => Promise.resolve(),
  };
}

function lockedBy(holder: string): SecurityError {
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
    detail: `the secrets file is kept locked by ${holder}`,
  });
}
