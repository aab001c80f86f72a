import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import type { RateVerdict } from '@aduana/server-kit/bus/rate-counter';
import type { CallerPlaces, SharedLimits } from '../limits/shared-limits.ts';
import type { WorkerChannel } from './worker-channel.ts';
import type { WorkerQuestion } from './worker-messages.ts';

/** A worker's side of what the primary counts. */
export interface WorkerLimits extends SharedLimits {
  /** Gives up the places of a caller that are not taken. */
  recall(key: string): number;
  close(): Promise<void>;
}

interface Held {
  taken: number;
  held: number;
  /** How many wait for the primary. */
  asking: number;
}

const SWEEP_MS = 1_000;

export function createWorkerLimits(
  channel: Pick<WorkerChannel<WorkerQuestion>, 'ask'>,
  clock: Clock,
  isLimited: boolean,
): WorkerLimits {
  const places = createHeldPlaces(channel);
  const sweeping = every(
    clock,
    () => SWEEP_MS,
    places.sweep,
    () => undefined,
  );
  return {
    rates: {
      take: (key, limit, windowMs) =>
        channel.ask({ kind: 'rate', key, limit, windowMs }) as Promise<RateVerdict>,
      state: 'ok',
      replicas: 1,
      close: () => Promise.resolve(),
    },
    spent: {
      spend: (id, expiresAt) => channel.ask({ kind: 'spend', id, expiresAt }) as Promise<boolean>,
      state: 'ok',
      close: () => Promise.resolve(),
    },
    places: isLimited ? places : undefined,
    recall: places.recall,
    close: () => sweeping.stop(),
  };
}

interface HeldPlaces extends CallerPlaces {
  recall(key: string): number;
  /** Returns the places of callers that have none taken. */
  sweep(): Promise<void>;
}

function createHeldPlaces(channel: Pick<WorkerChannel<WorkerQuestion>, 'ask'>): HeldPlaces {
  const callers = new Map<string, Held>();

  /** The primary gives as many as it can: none means that all of the caller's places are taken. */
  async function ask(key: string, own: Held): Promise<void> {
    own.asking += 1;
    try {
      const given = (await channel.ask({ kind: 'places', key })) as number;
      own.held += given;
    } finally {
      own.asking -= 1;
    }
    if (own.taken >= own.held) throw new SecurityError('CONCURRENCY_LIMITED', { retryAfterSeconds: 1 });
    own.taken += 1;
  }

  return {
    take(key) {
      let own = callers.get(key);
      if (own === undefined) callers.set(key, (own = { taken: 0, held: 0, asking: 0 }));
      if (own.taken >= own.held) return ask(key, own);
      own.taken += 1;
      return undefined;
    },
    leave(key) {
      const own = callers.get(key);
      if (own !== undefined) own.taken -= 1;
    },
    recall(key) {
      const own = callers.get(key);
      if (own === undefined) return 0;
      const idle = own.held - own.taken;
      own.held = own.taken;
      return idle;
    },
    async sweep() {
      for (const [key, own] of callers) {
        if (own.taken + own.asking > 0 || own.held === 0) continue;
        const count = own.held;
        own.held = 0;
        await channel.ask({ kind: 'return', key, count });
      }
      for (const [key, { taken, held, asking }] of callers)
        if (taken + held + asking === 0) callers.delete(key);
    },
  };
}
