import { SecurityError } from '../errors/security-error.ts';
import { type Clock, epochSeconds } from '../platform/clock.ts';
import { every } from '../platform/every.ts';
import { jitter } from '../platform/ids.ts';
import { describeError, type Log } from '../platform/log.ts';
import { createRevokedTokens } from './revoked-tokens.ts';
import type { StatusEntry, StatusPage, StatusView } from './status-entry.ts';

export interface StatusReaderOptions {
  /** The entries after `seq`, oldest first; one bounded attempt. */
  readonly fetchPage: (after: number) => Promise<StatusPage>;
  /** Calls back when something may have changed; a lost or a false call does no harm. */
  readonly onWake: (listener: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A `StatusView` that follows the feed until it is stopped. */
export interface StatusReader extends StatusView {
  /** Resolves after the first read has succeeded. */
  readonly ready: Promise<void>;
  /** Whether the copy is fresh enough to answer. */
  readonly fresh: boolean;
  /** The hash of the policies in force; undefined before the feed tells one. */
  readonly policiesSha256: string | undefined;
  /** Reads now: a service that has itself written to the feed need not wait. */
  read(): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 2_500;
/** Until the first read, when the STS may not be there yet. */
const FIRST_POLL_MS = 200;
const PATIENCE_MS = 5_000;
const LONGEST_STALENESS_MS = 60_000;
const PRUNE_EVERY_SECONDS = 300;

/** Follows the status feed: polls, and reads at once when woken, so that nobody need trust the bus. */
export function createStatusReader({ fetchPage, onWake, clock, log }: StatusReaderOptions): StatusReader {
  const revokedTokens = createRevokedTokens();
  const revokedKeys = new Set<string>();
  const revokedCertificates = new Set<string>();
  const suspended = new Set<string>();
  const listeners = new Set<() => void>();
  let policiesSha256: string | undefined;
  let position = 0;
  let version = 0;
  const openedAt = clock.monotonic();
  let readAt = -Infinity;
  let prunedAt = epochSeconds(clock);
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (markReady = resolve));

  const apply = (entry: StatusEntry): void => {
    if (entry.kind === 'token_revoked') revokedTokens.add(entry.jti, entry.until);
    else if (entry.kind === 'key_revoked') revokedKeys.add(entry.kid);
    else if (entry.kind === 'service_suspended') suspended.add(entry.service);
    else if (entry.kind === 'service_restored') suspended.delete(entry.service);
    else if (entry.kind === 'certificate_revoked') revokedCertificates.add(entry.thumbprint);
    else policiesSha256 = entry.sha256;
    position = entry.seq;
    version += 1;
  };
  const readPage = async (): Promise<boolean> => {
    const startedAt = clock.monotonic();
    const { entries, head } = await fetchPage(position);
    if (head < position) {
      // The feed was restored from a backup: what is known stays, and everything is read anew.
      log.warn('the status feed went backwards and is read again from its start', { head, position });
      position = 0;
      return true;
    }
    entries.forEach(apply);
    if (position < head && entries.length > 0) return true;
    position = Math.max(position, head); // entries that were pruned leave gaps
    readAt = startedAt;
    return false;
  };
  const read = async (): Promise<void> => {
    const before = version;
    while (await readPage());
    markReady();
    if (version !== before) for (const listener of listeners) listener();
    if (epochSeconds(clock) - prunedAt >= PRUNE_EVERY_SECONDS) {
      prunedAt = epochSeconds(clock);
      revokedTokens.prune(prunedAt);
    }
  };
  const polling = every(clock, () => (readAt < 0 ? FIRST_POLL_MS : POLL_MS) * jitter(0.2), read, (error) => {
    const patient = readAt < 0 && clock.monotonic() - openedAt < PATIENCE_MS;
    log[patient ? 'debug' : 'warn']('the status feed could not be read', { error: describeError(error) });
  }); // prettier-ignore
  const unsubscribe = onWake(polling.wake);
  polling.wake();
  const isFresh = (): boolean => clock.monotonic() - readAt <= LONGEST_STALENESS_MS;

  return {
    ready,
    read,
    isTokenRevoked: (jti, rootJti) =>
      revokedTokens.has(jti) || (rootJti !== jti && revokedTokens.has(rootJti)),
    isKeyRevoked: (kid) => revokedKeys.has(kid),
    isServiceSuspended: (service) => suspended.has(service),
    isCertificateRevoked: (thumbprint) => revokedCertificates.has(thumbprint),
    assertFresh() {
      if (!isFresh()) throw new SecurityError('STATUS_UNAVAILABLE', { detail: 'the status copy is too old' });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get version() {
      return version;
    },
    get fresh() {
      return isFresh();
    },
    get policiesSha256() {
      return policiesSha256;
    },
    async stop() {
      unsubscribe();
      await polling.stop();
    },
  };
}
