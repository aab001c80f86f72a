import { SecurityError } from '../errors/security-error.ts';
import { type Clock, epochSeconds } from '../platform/clock.ts';
import { every } from '../platform/every.ts';
import { createExpiringIds } from '../platform/expiring-ids.ts';
import { jitter } from '../platform/ids.ts';
import { createPaced } from '../platform/paced.ts';
import { createAbsenceLog } from '../platform/absence-log.ts';
import type { Log } from '../platform/log.ts';
import { createRevokedSubjects } from './revoked-subjects.ts';
import type { StatusEntry, StatusPage, StatusView } from './status-entry.ts';

/** Where the feed is read, and when. */
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
  /** The hash of the policies in force; undefined before the feed has one. */
  readonly policiesSha256: string | undefined;
  /** Since the last successful read; infinite before the first. */
  readonly ageMilliseconds: number;
  /** Reads now: a service that has itself written to the feed need not wait. */
  read(): Promise<void>;
  stop(): Promise<void>;
}

const POLL_MS = 2_500;
/** Until the first read, when the STS may not be there yet. */
const FIRST_POLL_MS = 200;
/** Between two reads that others ask for: who floods the bus makes nobody ask the STS more often than this. */
const LEAST_PAUSE_MS = 500;
const PATIENCE_MS = 5_000;
const LONGEST_STALENESS_MS = 60_000;
const PRUNE_EVERY_SECONDS = 300;

/** What the entries read so far say. */
function createStatusCopy() {
  const revokedTokens = createExpiringIds();
  const revokedKeys = new Set<string>();
  const revokedCertificates = new Set<string>();
  const suspended = new Set<string>();
  const revokedSubjects = createRevokedSubjects();
  const state = { position: 0, version: 0, policiesSha256: undefined as string | undefined };
  return {
    revokedTokens,
    revokedKeys,
    revokedCertificates,
    suspended,
    revokedSubjects,
    state,
    /** Forgets what has ended by itself. */
    prune(now: number): void {
      revokedTokens.prune(now);
      revokedSubjects.prune(now);
    },
    apply(entry: StatusEntry): void {
      const { kind } = entry;
      if (kind === 'token_revoked') revokedTokens.add(entry.jti, entry.until);
      if (kind === 'subject_revoked') revokedSubjects.add(entry);
      if (kind === 'key_revoked') revokedKeys.add(entry.kid);
      if (kind === 'service_suspended') suspended.add(entry.service);
      if (kind === 'service_restored') suspended.delete(entry.service);
      if (kind === 'certificate_revoked') revokedCertificates.add(entry.thumbprint);
      if (kind === 'policies_changed') state.policiesSha256 = entry.sha256;
      state.position = entry.seq;
      state.version += 1;
    },
  };
}

type StatusCopy = ReturnType<typeof createStatusCopy>;

/**
 * Reads one page into the copy.
 *
 * @returns whether there may be more
 */
async function readPage(
  { state, apply }: StatusCopy,
  { fetchPage, log }: StatusReaderOptions,
): Promise<boolean> {
  const { entries, head } = await fetchPage(state.position);
  if (head < state.position) {
    // The feed was restored from a backup: what is known stays, and everything is read anew.
    log.warn('the status feed went backwards and is read again from its start', {
      head,
      was: state.position,
    });
    state.position = 0;
    return true;
  }
  entries.forEach(apply);
  if (state.position < head && entries.length > 0) return true;
  state.position = Math.max(state.position, head); // entries that were pruned leave gaps
  return false;
}

/** Reads to the end; answers when the last page was asked for. */
async function readPages(
  copy: Parameters<typeof readPage>[0],
  options: StatusReaderOptions,
): Promise<number> {
  let startedAt: number;
  do startedAt = options.clock.monotonic();
  while (await readPage(copy, options));
  return startedAt;
}

/** Returns what ends it. */
function wakeNowAndThen({ onWake, clock }: StatusReaderOptions, wake: () => void): () => void {
  const paced = createPaced(clock, LEAST_PAUSE_MS, wake);
  const unsubscribe = onWake(paced.call);
  return () => {
    unsubscribe();
    paced.stop();
  };
}

/** Follows the status feed: polls, and reads at once when woken, so that nobody need trust the bus. */
export function createStatusReader(options: StatusReaderOptions): StatusReader {
  const { clock, log } = options;
  const copy = createStatusCopy();
  const listeners = new Set<() => void>();
  const openedAt = clock.monotonic();
  let readAt = -Infinity;
  const absence = createAbsenceLog(log, 'the status feed');
  let prunedAt = epochSeconds(clock);
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (markReady = resolve));

  const read = async (): Promise<void> => {
    const { version } = copy.state;
    readAt = await readPages(copy, options);
    markReady();
    absence.succeeded();
    if (copy.state.version !== version) for (const listener of listeners) listener();
    const now = epochSeconds(clock);
    if (now - prunedAt >= PRUNE_EVERY_SECONDS) copy.prune((prunedAt = now));
  };
  const pause = (): number => (readAt < 0 ? FIRST_POLL_MS : POLL_MS) * jitter(0.2);
  const polling = every(clock, pause, read, (error) => {
    absence.failed(error, readAt < 0 && clock.monotonic() - openedAt < PATIENCE_MS);
  });
  const unsubscribe = wakeNowAndThen(options, polling.wake);
  polling.wake();
  const isFresh = (): boolean => clock.monotonic() - readAt <= LONGEST_STALENESS_MS;

  return {
    ready,
    read,
    isTokenRevoked: (jti, rootJti) =>
      copy.revokedTokens.has(jti) || (rootJti !== jti && copy.revokedTokens.has(rootJti)),
    isSubjectRevoked: (issuer, subject, issuedAt) => copy.revokedSubjects.has(issuer, subject, issuedAt),
    isKeyRevoked: (kid) => copy.revokedKeys.has(kid),
    isServiceSuspended: (service) => copy.suspended.has(service),
    isCertificateRevoked: (thumbprint) => copy.revokedCertificates.has(thumbprint),
    assertFresh() {
      if (!isFresh()) throw new SecurityError('STATUS_UNAVAILABLE', { detail: 'the status copy is too old' });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get version() {
      return copy.state.version;
    },
    get fresh() {
      return isFresh();
    },
    get ageMilliseconds() {
      return clock.monotonic() - readAt;
    },
    get policiesSha256() {
      return copy.state.policiesSha256;
    },
    async stop() {
      unsubscribe();
      await polling.stop();
    },
  };
}
