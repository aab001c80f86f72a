import { SecurityError } from '../../errors/security-error.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import { jitter } from '../../platform/ids.ts';
import { describeError, type Log } from '../../platform/log.ts';
import { createSingleFlight } from '../../platform/single-flight.ts';
import { Secret } from '../secret.ts';
import type { VaultAnswer, VaultTransport } from './vault-transport.ts';

/** Refusals that follow a login within this span are the policy's, not the token's. */
const LOGIN_PAUSE_MILLISECONDS = 10_000;
const RETRY_MILLISECONDS = 5000;

export type VaultCredentials =
  | { readonly kind: 'token'; readonly token: Secret }
  | {
      readonly kind: 'approle';
      readonly roleId: string;
      readonly secretId: Secret;
      /** True: `secretId` is a wrapping token, good for one use. */
      readonly wrapped: boolean;
    };

/** A Vault token that is kept alive: renewed at two thirds of its life, replaced before its last day. */
export interface VaultSession {
  /** @throws SecurityError `FORBIDDEN` when the login is refused, `SECRET_PROVIDER_UNAVAILABLE` when Vault is away */
  token(): Promise<string>;
  /** After a 403: another token if there can be one, else the same. */
  tokenAfterRefusal(refused: string): Promise<string>;
  close(): void;
}

export interface VaultSessionOptions {
  readonly transport: VaultTransport;
  readonly credentials: VaultCredentials;
  readonly clock: Clock;
  readonly log: Log;
}

interface Lease {
  readonly token: Secret;
  readonly renewable: boolean;
  /** Zero: it never expires. */
  readonly lifetimeMilliseconds: number;
  readonly expiresAt: number;
}

export function createVaultSession(options: VaultSessionOptions): VaultSession {
  const { transport, credentials, clock, log } = options;
  const once = createSingleFlight<Lease>();
  let secretId: Secret | undefined;
  let lease: Lease | undefined;
  let loggedInAt = -Infinity;
  let timer: Timer | undefined;
  let closed = false;

  async function login(): Promise<Lease> {
    const fresh =
      credentials.kind === 'token'
        ? await lookUp(credentials.token)
        : await appRoleLogin(credentials.roleId, await unwrappedSecretId(credentials));
    loggedInAt = clock.now();
    keep(fresh);
    return fresh;
  }

  function keep(fresh: Lease): void {
    lease = fresh;
    timer?.cancel();
    if (closed || fresh.lifetimeMilliseconds === 0) return;
    const pause = fresh.lifetimeMilliseconds * (2 / 3) * jitter(0.1);
    timer = clock.after(pause, () => void prolong(fresh));
  }

  /** Renews; near the end of what Vault grants at most, or refused, logs in anew; away, tries again until the end. */
  async function prolong(old: Lease): Promise<void> {
    try {
      const renewed = old.renewable ? await renew(old) : undefined;
      const enough = renewed !== undefined && renewed.lifetimeMilliseconds > old.lifetimeMilliseconds / 2;
      if (enough || (renewed !== undefined && credentials.kind === 'token')) keep(renewed);
      else if (credentials.kind === 'approle') await once('login', login);
      else log.error('the Vault token cannot be renewed and will expire: replace VAULT_TOKEN');
    } catch (error) {
      log.warn('the Vault token could not be renewed yet', { error: describeError(error) });
      if (!closed) timer = clock.after(RETRY_MILLISECONDS * jitter(0.3), () => void prolong(old));
    }
  }

  async function renew(old: Lease): Promise<Lease | undefined> {
    const answer = await transport.send({
      method: 'POST',
      path: 'auth/token/renew-self',
      body: { increment: `${String(Math.ceil(old.lifetimeMilliseconds / 1000))}s` },
      token: old.token.reveal(),
    });
    return answer.status === 200 ? toLease(answer) : undefined;
  }

  async function unwrappedSecretId(approle: VaultCredentials & { kind: 'approle' }): Promise<Secret> {
    if (!approle.wrapped) return approle.secretId;
    if (secretId !== undefined) return secretId;
    const answer = await transport.send({
      method: 'POST',
      path: 'sys/wrapping/unwrap',
      token: approle.secretId.reveal(),
    });
    const unwrapped = answer.body.data?.['secret_id'];
    if (answer.status !== 200 || typeof unwrapped !== 'string')
      throw new SecurityError('FORBIDDEN', {
        detail:
          'the wrapped secret_id has expired or was opened already: find out by whom, and issue a new one',
      });
    return (secretId = Secret.of(unwrapped));
  }

  async function appRoleLogin(roleId: string, secret: Secret): Promise<Lease> {
    const answer = await transport.send({
      method: 'POST',
      path: 'auth/approle/login',
      body: { role_id: roleId, secret_id: secret.reveal() },
    });
    if (answer.status !== 200)
      throw new SecurityError('FORBIDDEN', { detail: `Vault refused the login (${String(answer.status)})` });
    return toLease(answer);
  }

  async function lookUp(token: Secret): Promise<Lease> {
    const answer = await transport.send({
      method: 'GET',
      path: 'auth/token/lookup-self',
      token: token.reveal(),
    });
    if (answer.status !== 200)
      throw new SecurityError('FORBIDDEN', { detail: `Vault refused the token (${String(answer.status)})` });
    const { ttl, renewable } = answer.body.data ?? {};
    const lifetimeMilliseconds = Number(ttl ?? 0) * 1000;
    return {
      token,
      renewable: renewable === true,
      lifetimeMilliseconds,
      expiresAt: expiryAfter(lifetimeMilliseconds),
    };
  }

  function toLease({ body }: VaultAnswer): Lease {
    const { client_token: token, lease_duration: seconds, renewable } = body.auth ?? {};
    if (typeof token !== 'string')
      throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'Vault answered without a token' });
    const lifetimeMilliseconds = Number(seconds ?? 0) * 1000;
    return {
      token: Secret.of(token),
      renewable: renewable === true,
      lifetimeMilliseconds,
      expiresAt: expiryAfter(lifetimeMilliseconds),
    };
  }

  function expiryAfter(milliseconds: number): number {
    return milliseconds === 0 ? Infinity : clock.now() + milliseconds;
  }

  return {
    async token() {
      const valid = lease !== undefined && clock.now() < lease.expiresAt ? lease : await once('login', login);
      return valid.token.reveal();
    },
    async tokenAfterRefusal(refused) {
      const current = lease?.token.reveal();
      if (current !== undefined && current !== refused) return current;
      if (credentials.kind === 'token' || clock.now() - loggedInAt < LOGIN_PAUSE_MILLISECONDS) return refused;
      return (await once('login', login)).token.reveal();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
