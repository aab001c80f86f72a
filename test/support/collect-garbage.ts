import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all that nothing refers to: what is measured after it is what is held, however busy the machine is. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that are held, within the heap of V8 and beside it. */
export function bytesHeld(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
