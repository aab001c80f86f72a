import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { withFileLock } from '../platform/file-lock.ts';
import type { Log } from '@aduana/core/platform/log';
import { clientSecretVariable } from './client-secrets.ts';
import { createFileBackend, secretsFile } from './file-backend.ts';
import { keptSecrets } from './kept-secrets.ts';
import { addMasterKey, createMasterKeyEnvelope, loadMasterKeys, type MasterKeys } from './master-key.ts';
import type { SecretBackend } from './secret-backend.ts';
import type { SecretProvider } from './secret-provider.ts';
import { openVault, variable } from './vault/open-vault.ts';
import { createVaultBackend } from './vault/vault-backend.ts';

const PATIENCE_MILLISECONDS = 10_000;

/** The variables that say where secrets lie. */
export interface SecretSettings {
  readonly ADUANA_HOME: string;
  readonly ADUANA_MASTER_KEY_FILE?: string | undefined;
  readonly SECRET_PROVIDER: 'local' | 'vault' | 'aws_kms';
}

export interface SecretProviderOptions {
  readonly settings: SecretSettings;
  /** Where `{SERVICE}_CLIENT_SECRET`, `VAULT_*` and `AWS_KMS_KEY_ID` are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Opens the provider that the settings name.
 *
 * @throws ConfigurationError when it cannot be used
 */
export async function createSecretProvider(options: SecretProviderOptions): Promise<SecretProvider> {
  const { environment, clock, log } = options;
  const backend = await BACKENDS[options.settings.SECRET_PROVIDER](options);
  const provider = keptSecrets(backend, {
    clock,
    log,
    seed(name) {
      const variable = clientSecretVariable(name);
      if (variable === undefined) return undefined;
      const value = environment[variable] ?? '';
      return value === '' ? undefined : { variable, value };
    },
  });
  try {
    await provider.check();
  } catch (error) {
    await provider.close();
    throw unusable(error);
  }
  return provider;
}

const BACKENDS: Readonly<
  Record<SecretSettings['SECRET_PROVIDER'], (options: SecretProviderOptions) => Promise<SecretBackend>>
> = {
  local: openLocalBackend,
  vault: openVaultBackend,
  aws_kms: openKmsBackend,
};

async function openLocalBackend({ settings, clock }: SecretProviderOptions): Promise<SecretBackend> {
  const { path, keys } = await ensureMasterKey(settings, clock);
  const envelope = createMasterKeyEnvelope(path, keys);
  return createFileBackend({ kind: 'local', home: settings.ADUANA_HOME, envelope, clock });
}

/**
 * The file with the local provider's master keys and what is in it; it is made in the home where none is named.
 *
 * @throws ConfigurationError when the named file is not there, or the home has lost its own
 */
export async function ensureMasterKey(
  settings: Pick<SecretSettings, 'ADUANA_HOME' | 'ADUANA_MASTER_KEY_FILE'>,
  clock: Clock,
): Promise<{ readonly path: string; readonly keys: MasterKeys }> {
  const path = settings.ADUANA_MASTER_KEY_FILE ?? join(settings.ADUANA_HOME, 'master.key');
  return { path, keys: (await loadMasterKeys(path)) ?? (await createMasterKey(path, settings, clock)) };
}

async function openVaultBackend({ environment, clock, log }: SecretProviderOptions): Promise<SecretBackend> {
  const vault = await openVault({ environment, clock, log });
  return createVaultBackend(vault, {
    kvMount: variable(environment, 'VAULT_KV_MOUNT') ?? 'secret',
    kvPath: variable(environment, 'VAULT_KV_PATH') ?? 'aduana',
    transitMount: variable(environment, 'VAULT_TRANSIT_MOUNT') ?? 'transit',
    transitKey: variable(environment, 'VAULT_TRANSIT_KEY') ?? 'aduana',
  });
}

/** Loads the AWS SDK only where it is wanted. */
async function openKmsBackend(options: SecretProviderOptions): Promise<SecretBackend> {
  const { settings, environment, clock } = options;
  const ids = (variable(environment, 'AWS_KMS_KEY_ID') ?? '').split(',').map((id) => id.trim());
  const [keyId = '', ...formerKeyIds] = ids.filter((id) => id !== '');
  if (keyId === '')
    throw problem(
      'AWS_KMS_KEY_ID',
      'is not set',
      'Set it to the id, the ARN or the alias of a symmetric key',
    );
  const { createKmsClient } = await import('./kms/kms-client.ts');
  const { createKmsEnvelope } = await import('./kms/kms-envelope.ts');
  const envelope = createKmsEnvelope({ client: createKmsClient(), keyId, formerKeyIds, clock });
  return createFileBackend({ kind: 'aws_kms', home: settings.ADUANA_HOME, envelope, clock });
}

/** Makes the first master key, unless that would hide that one has been lost. */
async function createMasterKey(
  path: string,
  settings: Pick<SecretSettings, 'ADUANA_HOME' | 'ADUANA_MASTER_KEY_FILE'>,
  clock: Clock,
): Promise<MasterKeys> {
  if (settings.ADUANA_MASTER_KEY_FILE !== undefined)
    throw problem(
      'ADUANA_MASTER_KEY_FILE',
      `${path} does not exist`,
      'Put 32 random bytes in base64url there (0600), or leave the variable out',
    );
  const sealed = secretsFile(settings.ADUANA_HOME);
  if (await exists(sealed))
    throw problem(
      path,
      `is lost, and ${sealed} cannot be opened without it`,
      'Restore it, or remove both files',
    );
  await mkdir(settings.ADUANA_HOME, { recursive: true, mode: 0o700 });
  const lockedBy = (holder: string): ConfigurationError =>
    problem(path, `another process makes it (${holder})`, 'Try again when it is done');
  return withFileLock(
    `${path}.lock`,
    clock,
    PATIENCE_MILLISECONDS,
    lockedBy,
    async () => (await loadMasterKeys(path)) ?? addMasterKey(path),
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unusable(error: unknown): Error {
  if (!(error instanceof SecurityError)) return error as Error;
  return problem(
    'SECRET_PROVIDER',
    error.detail ?? error.message,
    'See SECRET_PROVIDER in docs/configuration.md',
  );
}

function problem(subject: string, what: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem: what, remedy }]);
}
