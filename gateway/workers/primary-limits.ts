import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import type { Clock } from '@aduana/core/platform/clock';
import { createMutex } from '@aduana/core/platform/mutex';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import type { WorkerQuestion } from './worker-messages.ts';

export interface PrimaryLimitsOptions {
  readonly clock: Clock;
  /** Operations of one caller at once, over all workers. */
  readonly concurrent: number | 'off';
  /** Takes back the places of a caller that a worker holds and does not use; answers how many. */
  readonly recall: (worker: number, key: string) => Promise<number>;
}

/** Counts for all workers of this machine. */
export interface PrimaryLimits {
  /** Answers a question that is about limits. */
  answer(worker: number, question: LimitsQuestion): unknown;
  /** What it held is free again. */
  forget(worker: number): void;
}

export type LimitsQuestion = Extract<WorkerQuestion, { kind: 'rate' | 'spend' | 'places' | 'return' }>;

/** One caller: how many of its places each worker holds. */
interface Places {
  readonly held: Map<number, number>;
  /** How many questions about it are under way. */
  asked: number;
  readonly inTurn: ReturnType<typeof createMutex>;
}

/** Of what is left, the part that one worker is given at once. */
const SHARE = 4;

/**
 * Workers take places from the primary a few at a time and hand them on by themselves, so that a request rarely waits for
 * another process. When all are held, those that are not taken are called back: a caller is refused where all of its
 * places are taken, and only there.
 */
export function createPrimaryLimits({ clock, concurrent, recall }: PrimaryLimitsOptions): PrimaryLimits {
  const rates = createInProcessRateCounter(clock);
  const spend = createSpentProofs(clock);
  const places = createGivenPlaces(concurrent === 'off' ? Infinity : concurrent, recall);
  return {
    answer(worker, question) {
      switch (question.kind) {
        case 'rate':
          return rates.take(question.key, question.limit, question.windowMs);
        case 'spend':
          return spend(question.id, question.expiresAt);
        case 'places':
          return places.give(worker, question.key);
        case 'return':
          places.takeBack(worker, question.key, question.count);
          return undefined;
      }
    },
    forget: places.forget,
  };
}

/** How many places of each caller are with which worker. */
interface GivenPlaces {
  give(worker: number, key: string): Promise<number>;
  takeBack(worker: number, key: string, count: number): void;
  forget(worker: number): void;
}

function createGivenPlaces(limit: number, recall: PrimaryLimitsOptions['recall']): GivenPlaces {
  const callers = new Map<string, Places>();

  function placesOf(key: string): Places {
    let places = callers.get(key);
    if (places === undefined)
      callers.set(key, (places = { held: new Map(), asked: 0, inTurn: createMutex() }));
    return places;
  }

  function change(key: string, places: Places, worker: number, count: number): void {
    const now = (places.held.get(worker) ?? 0) + count;
    if (now > 0) places.held.set(worker, now);
    else places.held.delete(worker);
    forgetUnused(key, places);
  }

  function forgetUnused(key: string, { held, asked }: Places): void {
    if (held.size === 0 && asked === 0) callers.delete(key);
  }

  async function give(worker: number, key: string): Promise<number> {
    const places = placesOf(key);
    const { held } = places;
    const left = () => limit - [...held.values()].reduce((sum, count) => sum + count, 0);
    places.asked += 1;
    try {
      return await places.inTurn(async () => {
        if (left() < 1)
          for (const other of [...held.keys()]) {
            const back = other === worker ? 0 : await recall(other, key).catch(() => 0);
            if (held.has(other)) change(key, places, other, -back);
          }
        const given = Math.min(left(), Math.max(1, Math.floor(left() / SHARE)));
        if (given < 1) return 0;
        change(key, places, worker, given);
        return given;
      });
    } finally {
      places.asked -= 1;
      forgetUnused(key, places);
    }
  }

  return {
    give,
    takeBack(worker, key, count) {
      const places = callers.get(key);
      if (places !== undefined) change(key, places, worker, -count);
    },
    forget(worker) {
      for (const [key, places] of callers) {
        places.held.delete(worker);
        forgetUnused(key, places);
      }
    },
  };
}
