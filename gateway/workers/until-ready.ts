import type { Clock } from '@aduana/core/platform/clock';

const POLL_MS = 50;
/** A worker that is not ready by then joins the others all the same, and says so in its health. */
const PATIENCE_MS = 30_000;

/** Waits until something is ready, or for as long as anybody should. */
export async function untilReady(isReady: () => boolean, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + PATIENCE_MS;
  while (!isReady() && clock.monotonic() < deadline) await clock.sleep(POLL_MS);
}
