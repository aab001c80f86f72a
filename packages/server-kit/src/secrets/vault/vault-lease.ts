import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { Secret } from '@aduana/core/secrets/secret';
import type { VaultAnswer, VaultTransport } from './vault-transport.ts';

export type VaultCredentials =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'approle';
      readonly roleId: string;
      readonly secretId: Secret;
      /** True: `secretId` is a wrapping token, good for one use. */
      readonly wrapped: boolean;
    };

/** A token and for how long it is good. */
export interface VaultLease {
  readonly token: Secret;
  readonly renewable: boolean;
  /** Zero: it never expires. */
  readonly lifetimeMilliseconds: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** How a lease is got and prolonged. */
export interface VaultLogin {
  /** @throws SecurityError `FORBIDDEN` when Vault refuses, `SECRET_PROVIDER_UNAVAILABLE` when it is away */
  obtain(): Promise<VaultLease>;
  /** @returns undefined when Vault does not prolong it */
  renew(lease: VaultLease): Promise<VaultLease | undefined>;
}

export function createVaultLogin(
  transport: VaultTransport,
  credentials: VaultCredentials,
  clock: Clock,
): VaultLogin {
  const openSecretId = rememberSecretId(transport);
  return {
    async obtain() {
      if (credentials.kind === 'token') return lookUp(transport, credentials.token, clock);
      const secretId = credentials.wrapped ? await openSecretId(credentials.secretId) : credentials.secretId;
      const answer = await transport.send({
        method: 'POST',
        path: 'auth/approle/login',
        body: { role_id: credentials.roleId, secret_id: secretId.reveal() },
      });
      if (answer.status === 200) return toLease(answer, clock);
      throw forbidden(`Vault refused the login (${String(answer.status)})`);
    },
    async renew(lease) {
      const answer = await transport.send({
        method: 'POST',
        path: 'auth/token/renew-self',
        body: { increment: `${String(Math.ceil(lease.lifetimeMilliseconds / 1000))}s` },
        token: lease.token.reveal(),
      });
      return answer.status === 200 ? toLease(answer, clock) : undefined;
    },
  };
}

/** A wrapping token opens once: what was in it serves later logins. */
function rememberSecretId(transport: VaultTransport): (wrapping: Secret) => Promise<Secret> {
  let opened: Secret | undefined;
  return async (wrapping) => {
    if (opened !== undefined) return opened;
    const answer = await transport.send({
      method: 'POST',
      path: 'sys/wrapping/unwrap',
      token: wrapping.reveal(),
    });
    const secretId = answer.body.data?.['secret_id'];
    if (answer.status !== 200 || typeof secretId !== 'string')
      throw forbidden(
        'the wrapped secret_id has expired or was opened already: find out by whom, and issue a new one',
      );
    return (opened = Secret.of(secretId));
  };
}

async function lookUp(transport: VaultTransport, token: Secret, clock: Clock): Promise<VaultLease> {
  const answer = await transport.send({
    method: 'GET',
    path: 'auth/token/lookup-self',
    token: token.reveal(),
  });
  if (answer.status !== 200) throw forbidden(`Vault refused the token (${String(answer.status)})`);
  const { ttl, renewable } = answer.body.data ?? {};
  return leaseOf(token, ttl, renewable, clock);
}

function toLease({ body }: VaultAnswer, clock: Clock): VaultLease {
  const { client_token: token, lease_duration: seconds, renewable } = body.auth ?? {};
  if (typeof token !== 'string')
    throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'Vault answered without a token' });
  return leaseOf(Secret.of(token), seconds, renewable, clock);
}

function leaseOf(token: Secret, lifetime: unknown, renewable: unknown, clock: Clock): VaultLease {
  const seconds = Number(lifetime ?? 0);
  // less than a second, or nothing that can be counted, would be renewed without a pause
  if (!Number.isSafeInteger(seconds) || seconds < 0)
    throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
      detail: 'Vault answered with a lifetime that is none',
    });
  const lifetimeMilliseconds = seconds * 1000;
  const expiresAt = lifetimeMilliseconds === 0 ? Infinity : clock.now() + lifetimeMilliseconds;
  return { token, renewable: renewable === true, lifetimeMilliseconds, expiresAt };
}

function forbidden(detail: string): SecurityError {
  return new SecurityError('FORBIDDEN', { detail });
}
