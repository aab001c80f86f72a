import { readFile } from 'node:fs/promises';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { Secret } from '@aduana/core/secrets/secret';
import { createVaultClient, type VaultClient } from './vault-client.ts';
import type { VaultCredentials } from './vault-lease.ts';

export type VaultEnvironment = Readonly<Record<string, string | undefined>>;

export interface OpenVaultOptions {
  /** Where the `VAULT_*` variables are looked up. */
  readonly environment: VaultEnvironment;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A client on the `VAULT_*` variables.
 *
 * @throws ConfigurationError with everything that is missing or wrong
 */
export async function openVault({ environment, clock, log }: OpenVaultOptions): Promise<VaultClient> {
  const problems: ConfigurationProblem[] = [];
  const report = (subject: string, problem: string, remedy: string): void => {
    problems.push({ subject, problem, remedy });
  };
  const address = variable(environment, 'VAULT_ADDR');
  if (address === undefined)
    report('VAULT_ADDR', 'is not set', 'Set it to the address of Vault, such as https://vault:8200');
  else if (!isSafeAddress(address))
    report('VAULT_ADDR', 'is no https address', 'Use https://, or http:// on loopback');
  const file = variable(environment, 'VAULT_CACERT');
  const authorities = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => '');
  if (authorities === '') report('VAULT_CACERT', 'cannot be read', 'Put the CA certificate of Vault there');
  const credentials = readCredentials(environment);
  if (credentials === undefined)
    report(
      'VAULT_TOKEN',
      'is not set, and VAULT_ROLE_ID with VAULT_SECRET_ID are not either',
      'Set the one or the others',
    );
  if (address === undefined || credentials === undefined || problems.length > 0)
    throw new ConfigurationError(problems);
  const namespace = variable(environment, 'VAULT_NAMESPACE');
  return createVaultClient({ address, namespace, authorities, credentials, clock, log });
}

/** The value of a variable; an empty one counts as absent. */
export function variable(environment: VaultEnvironment, name: string): string | undefined {
  const value = environment[name];
  return value === '' ? undefined : value;
}

function readCredentials(environment: VaultEnvironment): VaultCredentials | undefined {
  const token = variable(environment, 'VAULT_TOKEN');
  if (token !== undefined) return { kind: 'token', token: Secret.of(token) };
  const roleId = variable(environment, 'VAULT_ROLE_ID');
  const secretId = variable(environment, 'VAULT_SECRET_ID');
  if (roleId === undefined || secretId === undefined) return undefined;
  const wrapped = variable(environment, 'VAULT_SECRET_ID_WRAPPED') === 'true';
  return { kind: 'approle', roleId, secretId: Secret.of(secretId), wrapped };
}

function isSafeAddress(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'https:') return true;
  return url?.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}
