import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { EventBus } from '@aduana/core/bus/event-bus';
import type { Database } from '@aduana/server-kit/store/database';
import { keyStateAt } from '@aduana/server-kit/tokens/key-set';
import type { KeyCustody } from './key-custody.ts';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { KEYS_TOPIC } from './key-ring.ts';
import { KEYS_LOCK } from './key-rotation.ts';
import { forgetReference, readKeySet } from './key-store.ts';
import type { PrivatePart } from './private-part.ts';

const PAUSE_MS = 60_000;

export interface KeyEndingOptions {
  readonly database: Database;
  readonly custody: Pick<KeyCustody, 'end'>;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
}

/**
 * Ends remote keys that sign no more: a revoked one at once, another when its hold is over, since a replica may sign
 * with it a moment longer. What cannot be ended now is tried again.
 */
export function keepEndingKeys(options: KeyEndingOptions): Repeating {
  const {
    bus,
    platform: { clock, log },
  } = options;
  const ending = every(
    clock,
    () => PAUSE_MS * jitter(0.2),
    () => endKeys(options),
    (error) => {
      log.warn('signing keys that sign no more could not be ended yet', { error: describeError(error) });
    },
  );
  const unsubscribe = bus.subscribe(KEYS_TOPIC, ending.wake);
  ending.wake();
  return {
    wake: ending.wake,
    async stop() {
      unsubscribe();
      await ending.stop();
    },
  };
}

async function endKeys(options: KeyEndingOptions): Promise<void> {
  const {
    database,
    custody,
    seals,
    platform: { clock, log },
  } = options;
  const stored = await readKeySet(database, seals);
  const parts = [...(stored?.parts ?? [])].map(([kid, part]) => {
    const key = stored?.set.keys.find((one) => one.kid === kid);
    return { kid, part, state: key === undefined ? 'RETIRED' : keyStateAt(key, clock.now()) };
  });
  const ended = parts.filter(({ state }) => state === 'RETIRED' || state === 'REVOKED');
  if (ended.length === 0) return;
  const living = parts.filter(({ state }) => state === 'PENDING' || state === 'ACTIVE');
  const done = await custody.end(
    ended.map(({ part }) => part),
    living.map(({ part }) => part),
  );
  for (const { kid, part, state } of ended) {
    if (done.some((one) => samePart(one, part))) {
      await database.exclusively(KEYS_LOCK, (transaction) => forgetReference(transaction, kid, seals));
      log.info('a signing key was ended where it lies', { kid, state, held_in: part.heldIn });
    } else if (state === 'REVOKED')
      log.warn('a revoked signing key can be ended only with the next rotation', {
        kid,
        held_in: part.heldIn,
      });
  }
}

function samePart(a: PrivatePart, b: PrivatePart): boolean {
  return a.heldIn !== 'store' && b.heldIn === a.heldIn && a.reference === b.reference;
}
