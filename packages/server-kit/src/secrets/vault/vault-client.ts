import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { createVaultLogin, type VaultCredentials } from './vault-lease.ts';
import { createVaultSession } from './vault-session.ts';
import { createVaultTransport, type VaultAnswer, type VaultTransportOptions } from './vault-transport.ts';

/** Calls to Vault with a living token. */
export interface VaultClient {
  /**
   * @returns the answer, whatever its 2xx, 400, 404 or 405
   * @throws SecurityError `FORBIDDEN` for 403, also with a new token; `SECRET_PROVIDER_UNAVAILABLE`
   */
  call(method: 'GET' | 'POST', path: string, body?: Readonly<Record<string, unknown>>): Promise<VaultAnswer>;
  close(): Promise<void>;
}

export interface VaultClientOptions extends VaultTransportOptions {
  readonly credentials: VaultCredentials;
  readonly clock: Clock;
  readonly log: Log;
}

export function createVaultClient(options: VaultClientOptions): VaultClient {
  const { clock, log, credentials } = options;
  const transport = createVaultTransport(options);
  const session = createVaultSession({
    login: createVaultLogin(transport, credentials, clock),
    canLogInAgain: credentials.kind === 'approle',
    clock,
    log,
  });
  return {
    async call(method, path, body) {
      const request = { method, path, ...(body === undefined ? {} : { body }) };
      const token = await session.token();
      const answer = await transport.send({ ...request, token });
      if (answer.status !== 403) return answer;
      const other = await session.tokenAfterRefusal(token);
      const again = other === token ? answer : await transport.send({ ...request, token: other });
      if (again.status === 403)
        throw new SecurityError('FORBIDDEN', { detail: `Vault's policy refuses ${method} ${path}` });
      return again;
    },
    close() {
      session.close();
      return transport.close();
    },
  };
}

/** A failure that no caller expected. */
export function unexpectedAnswer(what: string, { status }: VaultAnswer): SecurityError {
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
    detail: `${what}: Vault answered ${String(status)}`,
  });
}
