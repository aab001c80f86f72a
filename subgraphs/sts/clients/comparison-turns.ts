import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';

/** What somebody shows, and how it is found out whether it is right. */
export interface Comparison {
  readonly client: string;
  readonly source: string;
  /** The readings of the one secret. */
  readonly secrets: readonly string[];
  /** Of the request: whoever has left waits no more. */
  readonly abandoned: CancelSignal;
  /** Whether it was right a moment ago, and would be again. */
  isRemembered(): boolean;
  /** @returns whether it is right */
  compare(): Promise<boolean>;
}

/** The order in which secrets are compared, each of which takes a thread for its time. */
export interface ComparisonTurns {
  /**
   * One comparison after the other for each source, the sources in rotation. A client that authenticated from its source
   * before waits behind nobody else, and whoever shows what is being compared waits for that.
   *
   * @returns whether it is right
   * @throws SecurityError `RATE_LIMITED`, at once, where too many wait
   */
  inTurn(comparison: Comparison): Promise<boolean>;
}

interface Waiting {
  readonly owner: string;
  start(): void;
  refuse(error: SecurityError): void;
}

/** Fewer than the four threads of libuv, which also sign tokens and write files. */
const MOST_AT_ONCE = 3;
/** The rest is for clients that authenticated before. */
const MOST_GUESSES_AT_ONCE = 2;
const MOST_WAITING = { ofOne: 20, ofAll: 200 } as const;
const KNOWN_MS = 24 * 3_600_000;

export function createComparisonTurns(clock: Clock): ComparisonTurns {
  const underWay = new Map<string, Promise<unknown>>();
  const succeeded = createBoundedCache<true>(clock, 1_000);
  const { known, guesses, startNext } = createLanes();

  const compareInTurn = ({ client, source, abandoned, compare }: Comparison): Promise<boolean> => {
    const pair = `${sha256Base64url(client)} ${source}`;
    const [queue, owner] = succeeded.get(pair) === true ? [known, pair] : [guesses, source];
    return new Promise((resolve, reject) => {
      const refuse = (error: SecurityError): void => {
        abandoned.removeEventListener('abort', leave);
        reject(error);
      };
      const start = (): void => {
        abandoned.removeEventListener('abort', leave);
        void compare()
          .then((right) => {
            if (right) succeeded.set(pair, true, clock.now() + KNOWN_MS);
            resolve(right);
          }, reject)
          .finally(() => {
            queue.end(owner);
            startNext();
          });
      };
      const waiting = { owner, start, refuse };
      const leave = (): void => {
        queue.remove(waiting);
        refuse(new SecurityError('REQUEST_TIMEOUT', { detail: 'the request was abandoned' }));
      };
      abandoned.addEventListener('abort', leave, { once: true });
      if (abandoned.aborted) leave();
      else if (queue.add(waiting)) startNext();
      else refuse(tooMany());
    });
  };

  return {
    async inTurn(comparison) {
      const { client, source, secrets } = comparison;
      const shown = sha256Base64url(JSON.stringify([client, source, ...secrets]));
      const same = underWay.get(shown);
      if (same !== undefined) await same;
      if (comparison.isRemembered()) return true;
      const turn = compareInTurn(comparison);
      if (!underWay.has(shown)) {
        const end = (): void => void underWay.delete(shown);
        underWay.set(shown, turn.then(end, end));
      }
      return turn;
    },
  };
}

/** Those whose client authenticated before, and all others, who leave a thread to the former. */
function createLanes() {
  const known = createRotation();
  const guesses = createRotation();

  const startNext = (): void => {
    for (;;) {
      const free = known.running + guesses.running < MOST_AT_ONCE;
      const next = !free ? undefined : (known.take() ?? takeGuess());
      if (next === undefined) return;
      next.start();
    }
  };
  const takeGuess = (): Waiting | undefined =>
    guesses.running < MOST_GUESSES_AT_ONCE ? guesses.take() : undefined;
  return { known, guesses, startNext };
}

function tooMany(): SecurityError {
  const detail = 'too many secrets wait for their comparison';
  return new SecurityError('RATE_LIMITED', { detail, retryAfterSeconds: 1 });
}

/** What waits, one running for each owner, the owners in rotation. */
function createRotation() {
  const queues = new Map<string, Waiting[]>();
  const running = new Set<string>();
  let size = 0;

  const remove = (waiting: Waiting): void => {
    const queue = queues.get(waiting.owner);
    const at = queue?.indexOf(waiting) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.splice(at, 1);
    size -= 1;
    if (queue.length === 0) queues.delete(waiting.owner);
  };
  /** Whoever has the most waiting makes room for one that has nothing waiting. */
  const makeRoom = (): boolean => {
    const [longest = []] = [...queues.values()].sort((a, b) => b.length - a.length);
    const last = longest.length > 1 ? longest.at(-1) : undefined;
    if (last === undefined) return false;
    remove(last);
    last.refuse(tooMany());
    return true;
  };

  return {
    get running() {
      return running.size;
    },
    /** @returns whether there is room for it */
    add(waiting: Waiting): boolean {
      const queue = queues.get(waiting.owner);
      if ((queue?.length ?? 0) >= MOST_WAITING.ofOne) return false;
      if (size >= MOST_WAITING.ofAll && (queue !== undefined || !makeRoom())) return false;
      if (queue === undefined) queues.set(waiting.owner, [waiting]);
      else queue.push(waiting);
      size += 1;
      return true;
    },
    take(): Waiting | undefined {
      for (const [owner, queue] of queues) {
        if (running.has(owner)) continue;
        const [first] = queue;
        if (first === undefined) continue;
        remove(first);
        running.add(owner);
        return first;
      }
      return undefined;
    },
    end(owner: string): void {
      running.delete(owner);
      const queue = queues.get(owner);
      if (queue === undefined || !queues.delete(owner)) return;
      queues.set(owner, queue); // behind all others
    },
    remove,
  };
}
