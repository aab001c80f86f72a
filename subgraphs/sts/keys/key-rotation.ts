import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditTrace } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import { runOnce } from '@aduana/server-kit/http/idempotency';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { Platform } from '@aduana/core/platform/platform';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import {
  firstKeySet,
  keyIn,
  type KeyRecord,
  keyStateAt,
  planRotation,
  rotate,
  type RotationMode,
  type RotationTiming,
  type SigningKeyState,
} from '@aduana/server-kit/tokens/key-set';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { appendStatus } from '../status/status-rows.ts';
import { type KeyRing, KEYS_TOPIC } from './key-ring.ts';
import type { KeyCustody } from './key-custody.ts';
import type { StoredKeySet } from './key-rows.ts';
import { nextGeneration, readGeneration, readKeySet, writeKeySet } from './key-store.ts';
import type { NewKey, PrivatePart } from './private-part.ts';

/** A signing key as the schema and the REST face show it; times are RFC 3339. */
export interface ShownKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: SigningKeyState;
  readonly createdAt: string;
  readonly activatesAt: string | null;
  readonly retiresAt: string | null;
}

export interface KeyRotation {
  readonly id: string;
  readonly mode: RotationMode;
  readonly reason: string;
  readonly active: ShownKey;
  readonly pending: ShownKey | null;
  readonly previous: ShownKey | null;
  readonly completedAt: string;
}

export interface RotationOrder {
  readonly mode: RotationMode;
  readonly kid?: string | undefined;
  readonly reason: string;
  readonly idempotencyKey?: string | undefined;
  readonly actor: AuditActor;
  readonly trace?: AuditTrace;
}

export interface KeyRotationOptions {
  readonly database: Database;
  readonly custody: Pick<KeyCustody, 'create'>;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly audit: AuditSink;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
  readonly timing: RotationTiming;
  /** How long a rotation waits for others that mean the same step. */
  readonly gatherMilliseconds: number;
}

/** Held by whoever writes keys. */
export const KEYS_LOCK = 'signing-keys';
const LONGEST_REASON = 500;

/** Makes the first key set where there is none; one writer among replicas. */
export async function ensureKeySet(
  options: Pick<KeyRotationOptions, 'database' | 'custody' | 'seals' | 'platform'>,
): Promise<void> {
  const { database, custody, seals, platform } = options;
  if ((await readKeySet(database, seals)) !== undefined) return;
  await database.exclusively(KEYS_LOCK, async (transaction) => {
    if ((await readKeySet(transaction, seals)) !== undefined) return;
    const active = await custody.create([]);
    const pending = await custody.create([active.part]);
    const { keys } = firstKeySet(active.fresh, pending.fresh, platform.clock.now());
    const set = { generation: nextGeneration(seals), keys };
    await writeKeySet(transaction, set, partsOf(active, pending), seals);
  });
}

/**
 * Rotates the signing keys: one writer by a lock, and all who read the same generation are one step, whose losers get
 * the winner's result.
 *
 * @throws SecurityError `ROTATION_TOO_EARLY`, `UNKNOWN_KEY`, `CONFLICT` (idempotency key), `BAD_REQUEST`
 */
export async function rotateKeys(
  order: RotationOrder,
  ring: KeyRing,
  options: KeyRotationOptions,
): Promise<KeyRotation> {
  const {
    database,
    seals,
    bus,
    audit,
    gatherMilliseconds,
    platform: { clock },
  } = options;
  if (order.reason.trim() === '' || order.reason.length > LONGEST_REASON)
    throw new SecurityError('BAD_REQUEST', { detail: 'the reason is empty or too long' });
  const seen = await readGeneration(database);
  await clock.sleep(gatherMilliseconds);

  const { mode, kid = null, reason, idempotencyKey: key, actor } = order;
  const { result, won } = await database.exclusively(KEYS_LOCK, async (transaction) => {
    let winner = false;
    const request = { operation: 'rotate-keys', key, parameters: { mode, kid, reason }, now: clock.now() };
    const rotation = await runOnce(transaction, request, async () => {
      const stored = await readKeySet(transaction, seals);
      if (stored === undefined) throw new TypeError('the key set has not been made');
      assertWhole(stored);
      if (stored.set.generation !== seen) return readRotation(transaction, stored, seals);
      winner = true;
      return takeStep(transaction, stored, order, options);
    });
    return { result: rotation, won: winner };
  });
  if (won) {
    bus.publish(KEYS_TOPIC);
    bus.publish(STATUS_TOPIC);
  }
  await ring.reload();
  await seals.latest.save();
  if (won)
    await audit.record({
      ...auditEvent('key.rotate', {
        rotation: result.id,
        mode,
        reason,
        active: result.active.kid,
        pending: result.pending?.kid ?? null,
        previous: result.previous?.kid ?? null,
      }),
      outcome: 'ALLOWED',
      actor,
      trace: order.trace ?? null,
    });
  return result;
}

/** The winner alone makes a key, and only where one is needed: elsewhere it may cost money, and stays. */
async function takeStep(
  transaction: Queryable,
  { set: before, parts }: StoredKeySet,
  { mode, kid, reason }: RotationOrder,
  { custody, seals, timing, platform: { clock } }: KeyRotationOptions,
): Promise<KeyRotation> {
  const now = clock.now();
  const { needsFresh } = planRotation(before, { mode, kid, now });
  const made = needsFresh ? await custody.create([...parts.values()]) : undefined;
  const after = rotate(before, { mode, kid, now, timing, fresh: made?.fresh });
  const added = made === undefined ? [] : [made];
  await writeKeySet(transaction, after, new Map([...parts, ...partsOf(...added)]), seals);
  const newlyRevoked = after.keys.find(
    (key) =>
      key.state === 'REVOKED' && before.keys.some((old) => old.kid === key.kid && old.state !== 'REVOKED'),
  );
  if (newlyRevoked !== undefined)
    await appendStatus(
      transaction,
      `key:${newlyRevoked.kid}`,
      { kind: 'key_revoked', kid: newlyRevoked.kid },
      now,
      seals,
    );
  const previousKid = newlyRevoked?.kid ?? keyIn(before, 'ACTIVE').kid;
  const previous = after.keys.find((key) => key.kid === previousKid);
  const result: KeyRotation = {
    id: uuidv7(now),
    mode,
    reason,
    active: showKey(keyIn(after, 'ACTIVE'), now),
    pending: showKey(keyIn(after, 'PENDING'), now),
    previous: previous === undefined ? null : showKey(previous, now),
    completedAt: new Date(now).toISOString(),
  };
  const { affected } = await transaction.query(
    'INSERT INTO rotations (generation, result) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [after.generation, JSON.stringify(result)],
  );
  if (affected === 0) reportForged(after.generation, seals);
  return result;
}

/** @throws SecurityError where a forged row is in the place of a key that the next step needs */
function assertWhole({ set: { keys } }: StoredKeySet): void {
  for (const wanted of ['ACTIVE', 'PENDING'])
    if (!keys.some(({ state }) => state === wanted))
      throw new SecurityError('temporarily_unavailable', {
        detail: `the ${wanted} signing key was changed in the database: see store.forged in docs/secrets.md`,
      });
}

/** What the winner of the step has stored: who else can write there cannot name another key. */
async function readRotation(
  transaction: Queryable,
  { set }: StoredKeySet,
  seals: RowSeals,
): Promise<KeyRotation> {
  const { rows } = await transaction.query<{ result: string }>(
    'SELECT result FROM rotations WHERE generation = $1',
    [set.generation],
  );
  const result = JSON.parse(rows[0]?.result ?? '{}') as Partial<KeyRotation>;
  if (result.active?.kid === keyIn(set, 'ACTIVE').kid) return result as KeyRotation;
  reportForged(set.generation, seals);
  throw new SecurityError('temporarily_unavailable', {
    detail: 'the keys were rotated by another call, and what it answered was changed in the database',
  });
}

function reportForged(generation: number, seals: RowSeals): void {
  seals.forged.found('rotations', [
    { table: 'rotations', row: String(generation), problem: 'it was there before its rotation' },
  ]);
}

export function showKey(key: KeyRecord, now: number): ShownKey {
  return {
    kid: key.kid,
    algorithm: key.algorithm,
    state: keyStateAt(key, now),
    createdAt: new Date(key.createdAt).toISOString(),
    activatesAt: new Date(key.activatesAt).toISOString(),
    retiresAt: key.retiresAt === undefined ? null : new Date(key.retiresAt).toISOString(),
  };
}

function partsOf(...keys: readonly NewKey[]): ReadonlyMap<string, PrivatePart> {
  return new Map(keys.map(({ fresh: { kid }, part }) => [kid, part]));
}
