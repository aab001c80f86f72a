import { SecurityError } from '@aduana/core/errors/security-error';
import type { PublicSigningKey } from './public-signing-key.ts';

export type SigningKeyState = 'PENDING' | 'ACTIVE' | 'RETIRING' | 'RETIRED' | 'REVOKED';
export type RotationMode = 'SCHEDULED' | 'NOW' | 'COMPROMISED';

/** What is known of a signing key without its private part. Times are milliseconds since the epoch. */
export interface KeyRecord extends PublicSigningKey {
  readonly state: SigningKeyState;
  readonly createdAt: number;
  /** PENDING: the earliest scheduled promotion; later: when it began to sign. */
  readonly activatesAt: number;
  /** RETIRING: when it leaves the JWKS; RETIRED and REVOKED: when it left. */
  readonly retiresAt: number | undefined;
}

/** All keys of one issuer; every rotation is one generation. */
export interface KeySet {
  readonly generation: number;
  readonly keys: readonly KeyRecord[];
}

export interface RotationTiming {
  /** How long a key is published before a scheduled rotation may let it sign. */
  readonly leadMilliseconds: number;
  /** How long a key that signs no more stays published. */
  readonly holdMilliseconds: number;
}

export interface RotationRequest {
  readonly mode: RotationMode;
  /** COMPROMISED: which key; absent: the active one. */
  readonly kid?: string | undefined;
  readonly now: number;
  readonly timing: RotationTiming;
  /** A fresh key where `planRotation` asks for one. */
  readonly fresh?: PublicSigningKey | undefined;
}

/** What a rotation would do. */
export interface RotationPlan {
  readonly compromised: KeyRecord | undefined;
  /** PENDING becomes ACTIVE. */
  readonly promote: boolean;
  /** No PENDING key is left: a fresh one must be made. */
  readonly needsFresh: boolean;
}

/** Beyond this many published keys only a compromised one may be replaced, so that the JWKS stays small. */
const MOST_PUBLISHED_KEYS = 128;

/** The first generation: one key that signs, and one that counts as published since ever. */
export function firstKeySet(active: PublicSigningKey, pending: PublicSigningKey, now: number): KeySet {
  const at = { createdAt: now, activatesAt: now, retiresAt: undefined };
  return {
    generation: 1,
    keys: [
      { ...active, ...at, state: 'ACTIVE' },
      { ...pending, ...at, state: 'PENDING' },
    ],
  };
}

/** The state of a key at a point in time: a RETIRING key is RETIRED once its hold is over. */
export function keyStateAt(key: KeyRecord, now: number): SigningKeyState {
  return key.state === 'RETIRING' && (key.retiresAt ?? 0) <= now ? 'RETIRED' : key.state;
}

/** What the JWKS holds: PENDING, ACTIVE and RETIRING keys, nothing else. */
export function publishedKeys(set: KeySet, now: number): readonly KeyRecord[] {
  return set.keys.filter((key) => ['PENDING', 'ACTIVE', 'RETIRING'].includes(keyStateAt(key, now)));
}

/** The one key in this state. */
export function keyIn(set: KeySet, state: 'ACTIVE' | 'PENDING'): KeyRecord {
  const found = set.keys.filter((key) => key.state === state);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new TypeError(`a key set has exactly one ${state} key`);
  return only;
}

/**
 * What the next generation would be, before anything is made for it.
 *
 * @throws SecurityError `ROTATION_TOO_EARLY` for a scheduled rotation within the lead, `UNKNOWN_KEY` for a kid that is
 * not in use
 */
export function planRotation(
  set: KeySet,
  { mode, kid, now }: Pick<RotationRequest, 'mode' | 'kid' | 'now'>,
): RotationPlan {
  const active = keyIn(set, 'ACTIVE');
  const pending = keyIn(set, 'PENDING');
  if (mode === 'SCHEDULED' && pending.activatesAt > now)
    throw new SecurityError('ROTATION_TOO_EARLY', {
      extensions: { notBefore: new Date(pending.activatesAt).toISOString() },
    });
  if (mode !== 'COMPROMISED' && publishedKeys(set, now).length >= MOST_PUBLISHED_KEYS)
    throw new SecurityError('ROTATION_TOO_EARLY', { detail: 'too many keys are still published' });
  const compromised = mode === 'COMPROMISED' ? findInUse(set, kid ?? active.kid, now) : undefined;
  const promote = compromised === undefined || compromised.kid === active.kid;
  return { compromised, promote, needsFresh: promote || compromised.kid === pending.kid };
}

/**
 * The next generation: PENDING is promoted, ACTIVE retires (or is revoked), a fresh key becomes PENDING; throws as
 * `planRotation` does.
 */
export function rotate(set: KeySet, request: RotationRequest): KeySet {
  const { now, timing, fresh } = request;
  const { compromised, promote, needsFresh } = planRotation(set, request);
  const [active, pending] = [keyIn(set, 'ACTIVE'), keyIn(set, 'PENDING')];
  const keys = set.keys.map((key): KeyRecord => {
    if (key.kid === compromised?.kid) return { ...key, state: 'REVOKED', retiresAt: now };
    if (key.state === 'RETIRING' && keyStateAt(key, now) === 'RETIRED') return { ...key, state: 'RETIRED' };
    if (promote && key.kid === active.kid)
      return { ...key, state: 'RETIRING', retiresAt: now + timing.holdMilliseconds };
    if (promote && key.kid === pending.kid) return { ...key, state: 'ACTIVE', activatesAt: now };
    return key;
  });
  const generation = set.generation + 1;
  if (!needsFresh) return { generation, keys };
  if (fresh === undefined) throw new TypeError('this rotation needs a fresh key');
  const activatesAt = now + timing.leadMilliseconds;
  const next = { ...fresh, state: 'PENDING', createdAt: now, activatesAt, retiresAt: undefined } as const;
  return { generation, keys: [...keys, next] };
}

function findInUse(set: KeySet, kid: string, now: number): KeyRecord {
  const key = publishedKeys(set, now).find((candidate) => candidate.kid === kid);
  if (key === undefined) throw new SecurityError('UNKNOWN_KEY');
  return key;
}
