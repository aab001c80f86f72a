import type { Clock } from '@aduana/core/platform/clock';

/** For which a client may take nothing of what waits for it. */
const LONGEST_STALL_MS = 30_000;

/** Whether a client has read nothing for too long, whatever it sends meanwhile; to be asked now and then. */
export function watchStall(socket: { readonly bufferedAmount: number }, clock: Clock): () => boolean {
  let waiting = 0;
  let takenAt = clock.monotonic();
  return () => {
    const { bufferedAmount } = socket;
    if (bufferedAmount === 0 || bufferedAmount < waiting) takenAt = clock.monotonic();
    waiting = bufferedAmount;
    return clock.monotonic() - takenAt > LONGEST_STALL_MS;
  };
}
