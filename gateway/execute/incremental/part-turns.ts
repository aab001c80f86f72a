/** Execute, incremental delivery: how many parts of one answer are under way at once. */

/** When a part may begin. */
export interface PartTurns {
  /**
   * Waits until there is room for a part over so many objects; parts that lie deeper go first, since what they lie in is held
   * for them.
   *
   * @returns gives the room back
   */
  take(objects: number, depth: number): Promise<() => void>;
}

/** Each part that is under way holds the places that it asks for; parts of short lists are all asked for at once. */
const OBJECTS_AT_ONCE = 20_000;
/** Before a turn of the event loop goes to others. */
const OBJECTS_EACH_TURN = 5000;

interface Waiting {
  readonly objects: number;
  readonly depth: number;
  readonly begin: () => void;
}

/** A part over more objects than may be under way goes alone. */
export function createPartTurns(): PartTurns {
  const waiting: Waiting[] = [];
  let held = 0;
  let inTurn = 0;
  let isTurning = false;

  const turn = (): void => {
    isTurning = false;
    inTurn = 0;
    beginNext();
  };

  function beginNext(): void {
    for (let next = waiting[0]; next !== undefined && mayBegin(next); next = waiting[0]) {
      waiting.shift();
      held += next.objects;
      countInTurn(next.objects);
      next.begin();
    }
  }

  function mayBegin({ objects }: Pick<Waiting, 'objects'>): boolean {
    const hasRoom = held === 0 || held + objects <= OBJECTS_AT_ONCE;
    return hasRoom && (inTurn === 0 || inTurn + objects <= OBJECTS_EACH_TURN);
  }

  function countInTurn(objects: number): void {
    inTurn += objects;
    if (isTurning) return;
    isTurning = true;
    setImmediate(turn);
  }

  const release = (objects: number) => (): void => {
    held -= objects;
    countInTurn(objects); // it has been written in this one
  };

  return {
    take(objects, depth) {
      return new Promise((resolve) => {
        const begin = (): void => {
          resolve(release(objects));
        };
        const at = waiting.findIndex((one) => one.depth < depth);
        waiting.splice(at === -1 ? waiting.length : at, 0, { objects, depth, begin });
        beginNext();
      });
    },
  };
}

/** At least one; no more are counted than may be under way at once. */
export function countObjects(value: unknown): number {
  let count = 1;
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const below of Array.isArray(next) ? (next as unknown[]) : Object.values(next as object)) {
      if (typeof below !== 'object' || below === null) continue;
      count += 1;
      if (count > OBJECTS_AT_ONCE) return count;
      open.push(below);
    }
  return count;
}
