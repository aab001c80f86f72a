import type { RunningService } from '@aduana/server-kit/http/service-platform';
import type { CommandContext } from './command-context.ts';

const PATIENCE_MS = 12_000;
const PAUSE_MS = 50;

/** Waits, within a bound, until every service says that it is ready; names those that did not. */
export async function waitUntilReady(
  services: readonly RunningService[],
  { clock }: CommandContext,
): Promise<{ readonly waiting: readonly string[] }> {
  const deadline = clock.now() + PATIENCE_MS;
  let waiting = [...services];
  while (waiting.length > 0 && clock.now() < deadline) {
    const states = await Promise.all(waiting.map((service) => service.isReady()));
    waiting = waiting.filter((_service, index) => states[index] !== true);
    if (waiting.length > 0) await clock.sleep(PAUSE_MS);
  }
  return { waiting: waiting.map(({ name }) => name) };
}
