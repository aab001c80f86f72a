import type { Clock, Timer } from '@aduana/core/platform/clock';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import type { VaultLease, VaultLogin } from './vault-lease.ts';

/** Refusals that follow a login within this span are the policy's, not the token's. */
const LOGIN_PAUSE_MILLISECONDS = 10_000;
const RETRY_MILLISECONDS = 5000;
/** What Vault is told to take back meanwhile is noticed within this span, however long its lease. */
const LONGEST_PAUSE_MILLISECONDS = 86_400_000;

/** A Vault token that is kept alive: renewed at two thirds of its life and once a day, replaced before Vault's last word on it. */
export interface VaultSession {
  /** @throws SecurityError `FORBIDDEN` when the login is refused, `SECRET_PROVIDER_UNAVAILABLE` when Vault is away */
  token(): Promise<string>;
  /** After a 403: another token if there can be one, else the same. */
  tokenAfterRefusal(refused: string): Promise<string>;
  close(): void;
}

export interface VaultSessionOptions {
  readonly login: VaultLogin;
  /** False for a token that was given: there is no other. */
  readonly canLogInAgain: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export function createVaultSession({ login, canLogInAgain, clock, log }: VaultSessionOptions): VaultSession {
  const once = createSingleFlight<VaultLease>();
  let lease: VaultLease | undefined;
  let loggedInAt = -Infinity;
  let timer: Timer | undefined;
  let closed = false;

  const logIn = (): Promise<VaultLease> =>
    once('login', async () => {
      const fresh = await login.obtain();
      loggedInAt = clock.now();
      return keep(fresh);
    });

  function keep(fresh: VaultLease): VaultLease {
    lease = fresh;
    timer?.cancel();
    if (!closed && fresh.lifetimeMilliseconds > 0) {
      const pause = Math.min(fresh.lifetimeMilliseconds * (2 / 3), LONGEST_PAUSE_MILLISECONDS);
      timer = clock.after(pause * jitter(0.1), () => void prolong(fresh));
    }
    return fresh;
  }

  /** Renews; near the end of what Vault grants at most, or refused, logs in anew; away, tries again until the end. */
  async function prolong(old: VaultLease): Promise<void> {
    try {
      const renewed = old.renewable ? await login.renew(old) : undefined;
      const enough = renewed !== undefined && renewed.lifetimeMilliseconds > old.lifetimeMilliseconds / 2;
      if (renewed !== undefined && (enough || !canLogInAgain)) keep(renewed);
      else if (canLogInAgain) await logIn();
      else log.error('the Vault token cannot be renewed and will expire: replace VAULT_TOKEN');
    } catch (error) {
      log.warn('the Vault token could not be renewed yet', { error: describeError(error) });
      if (!closed) timer = clock.after(RETRY_MILLISECONDS * jitter(0.3), () => void prolong(old));
    }
  }

  return {
    async token() {
      const valid = lease !== undefined && clock.now() < lease.expiresAt ? lease : await logIn();
      return valid.token.reveal();
    },
    async tokenAfterRefusal(refused) {
      const current = lease?.token.reveal();
      if (current !== undefined && current !== refused) return current;
      if (!canLogInAgain || clock.now() - loggedInAt < LOGIN_PAUSE_MILLISECONDS) return refused;
      return (await logIn()).token.reveal();
    },
    close() {
      closed = true;
      timer?.cancel();
    },
  };
}
