import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import { every } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { Database } from '@aduana/server-kit/store/database';
import { keyIn, type KeySet, publishedKeys } from '@aduana/server-kit/tokens/key-set';
import type { KeySource, VerificationKey } from '@aduana/core/tokens/key-source';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import type { SigningKey } from '@aduana/server-kit/tokens/sign-access-token';
import { SIGNING_ALGORITHMS } from '@aduana/core/tokens/signing-algorithm';
import type { Jwk } from '@aduana/core/tokens/jwk';
import type { KeyCustody } from './key-custody.ts';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { readKeySet } from './key-store.ts';

export const KEYS_TOPIC = 'sts.keys';
/** For how long a copy of the JWKS may be used. */
export const JWKS_MAX_AGE_SECONDS = 300;
/** A replica signs with a copy of the key set that is no older than this. */
export const LONGEST_KEY_STALENESS_MS = 10_000;
const POLL_MS = 2_000;
/** A database that is back is noticed soon: until then nothing is signed. */
const RETRY_MS = 500;

export interface KeyRingOptions {
  readonly database: Database;
  readonly custody: Pick<KeyCustody, 'open'>;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
  /** For how long one key may sign; nothing is signed with an older one. */
  readonly longestSigningMilliseconds: number;
}

/** This replica's copy of the key set. */
export interface KeyRing extends KeySource {
  /** @throws SecurityError `temporarily_unavailable` rather than sign with a key that may be outdated */
  signer(): SigningKey;
  /** False where `signer` would throw. */
  readonly canSign: boolean;
  /** What the JWKS shows at this moment. */
  published(): readonly Jwk[];
  keySet(): KeySet;
  reload(): Promise<void>;
  stop(): Promise<void>;
}

interface Copy {
  readonly set: KeySet;
  readonly signer: SigningKey;
  readonly verification: ReadonlyMap<string, VerificationKey>;
}

/** Opens the key set, which must exist, and follows it: polls, and reloads at once when woken. */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const {
    bus,
    longestSigningMilliseconds,
    platform: { clock, log },
  } = options;
  let copy = await loadCopy(options, undefined);
  let loadedAt = clock.monotonic();

  const reload = async (): Promise<void> => {
    const startedAt = clock.monotonic();
    const loaded = await loadCopy(options, copy);
    if (loaded.set.generation < copy.set.generation) return; // a read that began earlier has ended later
    copy = loaded;
    loadedAt = startedAt;
  };
  const poll = async (): Promise<void> => {
    await reload();
    await options.seals.latest.save();
  };
  const polling = every(
    clock,
    () => POLL_MS * jitter(0.2),
    poll,
    (error) => {
      log.warn('the signing keys could not be read', { error: describeError(error) });
    },
    () => RETRY_MS * jitter(0.2),
  );
  const unsubscribe = bus.subscribe(KEYS_TOPIC, polling.wake);

  /** Why nothing may be signed now; undefined: it may. */
  const impediment = (): string | undefined => {
    if (clock.monotonic() - loadedAt > LONGEST_KEY_STALENESS_MS) return 'the copy of the key set is too old';
    const expiresAt = keyIn(copy.set, 'ACTIVE').activatesAt + longestSigningMilliseconds;
    return clock.now() > expiresAt ? 'the signing key has expired' : undefined;
  };

  return {
    reload,
    keySet: () => copy.set,
    published: () => publishedKeys(copy.set, clock.now()).map(({ publicJwk }) => publicJwk),
    signer() {
      const detail = impediment();
      if (detail !== undefined) throw new SecurityError('temporarily_unavailable', { detail });
      return copy.signer;
    },
    get canSign() {
      return impediment() === undefined;
    },
    find(kid) {
      const known = publishedKeys(copy.set, clock.now()).some((key) => key.kid === kid);
      return Promise.resolve(known ? copy.verification.get(kid) : undefined);
    },
    async stop() {
      unsubscribe();
      await polling.stop();
    },
  };
}

async function loadCopy(options: KeyRingOptions, before: Copy | undefined): Promise<Copy> {
  const {
    database,
    custody,
    seals,
    platform: { clock },
  } = options;
  const stored = await readKeySet(database, seals);
  if (stored === undefined) throw new TypeError('the key set has not been made');
  const { set, parts } = stored;
  const active = set.keys.find(({ state }) => state === 'ACTIVE');
  const part = active && parts.get(active.kid);
  if (active === undefined || part === undefined)
    throw new SecurityError('temporarily_unavailable', {
      detail: 'the ACTIVE signing key was changed in the database: see store.forged in docs/secrets.md',
    });
  if (set.generation === before?.set.generation) return { ...before, set };
  const signer = await custody.open(active, part);
  const keys = publishedKeys(set, clock.now()).map(({ publicJwk }) => publicJwk);
  return { set, signer, verification: await parseJwkSet({ keys }, SIGNING_ALGORITHMS) };
}
